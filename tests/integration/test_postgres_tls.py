"""A ledger on a server that is reached by TLS: its certificate is checked as `sslmode` says, and one that is not good
is told in words that say what to do; nothing is sent to such a server."""
import pytest

from postgres import PASSWORD, Postgres, programs
from weirlib import Certificates, chat, http, poll, provider

pytestmark = pytest.mark.skipif(not programs(), reason="PostgreSQL's server is not installed")
PRICES = {"m": {"input": 1.0, "output": 2.0}}  # USD a million tokens


def made(tmp_path_factory, name):
    return Certificates(tmp_path_factory.mktemp(name))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return made(tmp_path_factory, "good")


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    return made(tmp_path_factory, "others")


@pytest.fixture(scope="module")
def server(certificates):
    running = Postgres(tls=certificates)
    yield running
    running.end()


@pytest.fixture
def name(server):
    return server.database().split("@/")[1].split("?")[0]


@pytest.fixture
def run(folder, mocks):
    mocks[0].reset()
    return lambda url, wait=True, **top: folder(
        {"providers": {"one": provider(mocks[0], prices=PRICES)}, "ledger": url, **top}, wait=wait)


def ciphers(server, name):
    """Of weir's connections to that database: which have TLS."""
    return {tls for tls, in server.admin("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                                         f"WHERE datname = '{name}' AND usename = 'weir'")}


def requests(weir):
    return http(weir.port, "GET", "/admin/v1/usage",
                headers={"authorization": f"Bearer {weir.admin_key}"}).json["total"]["requests"]


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
def test_what_is_spent_goes_there_by_tls_and_after_a_restart_of_it_too(run, server, name, certificates, mode):
    weir = run(server.tls_url(name, sslmode=mode, sslrootcert=certificates.ca))
    assert chat(weir.port).status == 200 and requests(weir) == 1
    assert ciphers(server, name) == {"t"}
    server.stop()
    assert chat(weir.port).status == 200
    poll(lambda: weir.log("ledger_failed"), 20)
    server.start()
    poll(lambda: weir.log("ledger_works"), 30)
    assert requests(weir) == 2 and ciphers(server, name) == {"t"}


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
def test_a_server_whom_another_authority_vouches_for_is_told_and_gets_nothing(run, server, name, others, mode):
    weir = run(server.tls_url(name, sslmode=mode, sslrootcert=others.ca), wait=False)
    weir.wait()
    said = "\n".join(weir.err)
    assert weir.process.returncode == 2 and "certificate verify failed" in said, said
    assert "sslrootcert" in said and PASSWORD not in said and "%2541" not in said, said
    assert server.admin("SELECT 1 FROM pg_tables WHERE tablename = 'attempts'", name) == []


def test_a_certificate_of_another_name_is_told(run, server, name, tmp_path_factory, certificates):
    url = server.tls_url(name, host="weir.test", hostaddr="127.0.0.1", sslmode="verify-full",
                         sslrootcert=certificates.ca)
    weir = run(url, wait=False)
    weir.wait()
    said = "\n".join(weir.err)
    assert weir.process.returncode == 2 and "does not match host name" in said and "weir.test" in said, said
    assert "the name that its certificate is for" in said, said


def test_a_file_of_authorities_that_is_not_there_is_told(run, server, name, tmp_path):
    weir = run(server.tls_url(name, sslmode="verify-full", sslrootcert=str(tmp_path / "none.pem")), wait=False)
    weir.wait()
    said = "\n".join(weir.err)
    assert weir.process.returncode == 2 and "none.pem" in said and "sslrootcert" in said, said


def test_a_server_that_wants_tls_refuses_who_has_none(run, server, name):
    weir = run(server.tls_url(name, sslmode="disable"), wait=False)
    weir.wait()
    said = "\n".join(weir.err)
    assert weir.process.returncode == 2 and "no encryption" in said and "sslmode" in said, said
    assert PASSWORD not in said


def test_one_that_is_not_trusted_at_the_start_is_waited_for_and_gets_nothing(run, server, name, others):
    """`serve`: nothing is sent to it meanwhile."""
    weir = run(server.tls_url(name, sslmode="verify-full", sslrootcert=others.ca), on_ledger_failure="serve")
    assert chat(weir.port).status == 200
    failed, = poll(lambda: weir.log("ledger_failed"), 20)
    assert "certificate verify failed" in failed["problem"] and PASSWORD not in str(failed)
    assert server.admin("SELECT 1 FROM pg_tables WHERE tablename = 'attempts'", name) == []
