"""What is sent to a collector is OpenTelemetry's own protocol: its Python package reads it, and knows every member."""
import sys
from pathlib import Path

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration"))
from collector import Collector  # noqa: E402
from weirlib import Mock, Weir, chat, poll, provider  # noqa: E402

# open-telemetry/semantic-conventions-genai, November 2026, as far as weir says it; those up to 1.36
PINNED = {
    "2026-11": {
        "gen_ai.operation.name": str, "gen_ai.provider.name": str, "gen_ai.request.model": str,
        "gen_ai.request.stream": bool, "gen_ai.request.max_tokens": int, "gen_ai.response.model": str,
        "gen_ai.response.time_to_first_chunk": float, "gen_ai.usage.input_tokens": int,
        "gen_ai.usage.output_tokens": int, "gen_ai.usage.cache_read.input_tokens": int,
        "gen_ai.usage.cache_write.input_tokens": int, "gen_ai.usage.reasoning.output_tokens": int,
        "gen_ai.conversation.id": str, "error.type": str, "http.response.status_code": int},
    "legacy": {
        "gen_ai.operation.name": str, "gen_ai.system": str, "gen_ai.request.model": str,
        "gen_ai.request.max_tokens": int, "gen_ai.response.model": str, "gen_ai.usage.input_tokens": int,
        "gen_ai.usage.output_tokens": int, "gen_ai.conversation.id": str, "error.type": str,
        "http.response.status_code": int}}
REQUIRED = {"2026-11": {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"},
            "legacy": {"gen_ai.operation.name", "gen_ai.system", "gen_ai.request.model"}}


def value(of):
    kind = of.value.WhichOneof("value")
    return {"string_value": str, "bool_value": bool, "int_value": int,
            "double_value": float}[kind](getattr(of.value, kind))


def ids_as_base64(body):
    """OTLP's JSON has ids in hexadecimal digits, protobuf's own in base64."""
    import base64
    for resource in body.get("resourceSpans", []):
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return body


@pytest.mark.parametrize("semconv", ["2026-11", "legacy", "both"])
def test_the_protocols_own_package_reads_what_is_sent(tmp_path, semconv):
    mock, collector = Mock(), Collector()
    weir = Weir(tmp_path, {"providers": {"p": provider(mock)}, "cache": {"enabled": True, "mode": "all"}, "traces": {
        "endpoint": collector.url, "semconv": semconv, "metrics": True, "metrics_interval_seconds": 0.2}})
    try:
        for stream in (False, True):
            assert chat(weir.port, stream=stream, max_tokens=9, headers={"x-weir-session": "s"}).status == 200
        mock.fault("status=503")
        assert chat(weir.port, "another").status >= 500
        assert poll(lambda: len([s for s in collector.spans() if s["kind"] == 2]) == 3)
        assert poll(lambda: collector.bodies("metrics") and "weir_tokens_total" in collector.metrics())
        pinned = {k: v for name, table in PINNED.items() if semconv in (name, "both") for k, v in table.items()}
        spans = []
        for body in collector.bodies():
            request = json_format.ParseDict(ids_as_base64(body), ExportTraceServiceRequest())
            spans += [s for r in request.resource_spans for p in r.scope_spans for s in p.spans]
        for span in spans:
            said = {pair.key: value(pair) for pair in span.attributes}
            assert len(said) == len(span.attributes)
            assert len(span.trace_id) == 16 and len(span.span_id) == 8 and any(span.trace_id) and any(span.span_id)
            assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
            assert span.name == said["gen_ai.operation.name"] + " " + said["gen_ai.request.model"]
            for key, told in said.items():
                if not key.startswith("weir."):
                    assert isinstance(told, pinned[key]), key
            if span.kind == Span.SPAN_KIND_CLIENT:
                assert len(span.parent_span_id) == 8
                for name, wanted in REQUIRED.items():
                    assert semconv not in (name, "both") or wanted <= said.keys()
                assert (span.status.code == Status.STATUS_CODE_ERROR) == ("error.type" in said)
        assert {s.kind for s in spans} == {Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT}
        for body in collector.bodies("metrics"):
            request = json_format.ParseDict(body, ExportMetricsServiceRequest())
            metrics = [m for r in request.resource_metrics for p in r.scope_metrics for m in p.metrics]
            assert len({m.name for m in metrics}) == len(metrics) > 10
            for metric in metrics:
                for point in getattr(metric, metric.WhichOneof("data")).data_points:
                    assert point.time_unix_nano > 0
                    if metric.HasField("histogram"):
                        assert sum(point.bucket_counts) == point.count >= 0 and point.sum >= 0
                        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
                        assert list(point.explicit_bounds) == sorted(point.explicit_bounds)
    finally:
        weir.stop()
        mock.stop()
        collector.close()
