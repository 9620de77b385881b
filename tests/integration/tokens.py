"""An issuer of tokens for tests: keys of each kind, a JWKS server that counts who reads it, and tokens good and bad,
each made byte by byte so that nothing stands between a test and what it wants to say."""
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

AUDIENCE = "weir-tests"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length=None):
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class Key:
    """One key: what the issuer signs with, and what it publishes."""

    def __init__(self, kind, kid, bits=2048, curve=None):
        self.kind, self.kid = kind, kid
        self.private = {"RS256": lambda: rsa.generate_private_key(65537, bits),
                        "ES256": lambda: ec.generate_private_key(curve or ec.SECP256R1()),
                        "EdDSA": ed25519.Ed25519PrivateKey.generate}[kind]()

    def jwk(self, **more):
        public = self.private.public_key()
        shown = {"kid": self.kid, "alg": self.kind, "use": "sig"}
        if self.kind == "RS256":
            numbers = public.public_numbers()
            shown.update(kty="RSA", n=number(numbers.n), e=number(numbers.e))
        elif self.kind == "ES256":
            numbers = public.public_numbers()
            shown.update(kty="EC", crv="P-256", x=number(numbers.x, 32), y=number(numbers.y, 32))
        else:
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            shown.update(kty="OKP", crv="Ed25519", x=b64(raw))
        shown.update(more)
        return {name: value for name, value in shown.items() if value is not None}

    def pem(self):
        return self.private.public_key().public_bytes(serialization.Encoding.PEM,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, data):
        if self.kind == "RS256":
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        if self.kind == "ES256":
            r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return self.private.sign(data)


def assembled(header, claims, sign):
    """A token of these texts or objects, whatever they are."""
    parts = [b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims)]
    data = ".".join(parts).encode()
    return ".".join([*parts, b64(sign(data))])


def hs256(secret):
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


class Issuer:
    """Keys on a loopback server. `fetches` counts who read them; `status` and `hangs` make it fail."""

    def __init__(self, name="https://issuer.test", tls=None):
        self.name, self.keys, self.more = name, [], []
        self.fetches, self.status, self.hangs, self.headers = 0, 200, False, {}
        self.body = None
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.fetches += 1
                if issuer.hangs:
                    issuer.released.wait(60)
                body = issuer.body if issuer.body is not None else json.dumps(issuer.jwks()).encode()
                self.send_response(issuer.status)
                for header, value in issuer.headers.items():
                    self.send_header(header, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.released = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_port}/keys?v=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def key(self, kind="ES256", kid=None, **more):
        self.keys.append(Key(kind, kid or f"{kind}-{len(self.keys)}", **more))
        return self.keys[-1]

    def jwks(self):
        return {"keys": [key.jwk() for key in self.keys] + self.more}

    def claims(self, subject="ann", **more):
        now = int(time.time())
        given = {"iss": self.name, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 600, **more}
        return {name: value for name, value in given.items() if value is not None}

    def token(self, subject="ann", key=None, header=None, **claims):
        key = key or self.keys[0]
        head = {"alg": key.kind, "kid": key.kid, "typ": "JWT", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return assembled(head, self.claims(subject, **claims), key.sign)
