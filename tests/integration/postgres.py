"""A real PostgreSQL server for tests: in a folder of its own, on a unix socket, stopped at the end."""
import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.parse

PASSWORD = "s3cret-Word%41"  # it holds what a URL must escape


def programs():
    """The newest server's programs, or None."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    return pathlib.Path(found[-1]) if found else None


def as_other(*command):
    """It refuses to be root's: its package has a user for it."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--", *command]


class Postgres:
    """`tls`: weirlib's Certificates: it listens on a port too, and takes nobody there without TLS."""

    def __init__(self, tls=None):
        self.tls = tls
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-pg-", dir="/tmp"))
        self.bin = programs()
        self.databases = 0
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        os.chmod(self.folder, 0o755)
        self._run("initdb", "-D", self.folder / "data", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
                  "-U", "admin")
        self._configure()
        self.start()
        self.admin(f"CREATE ROLE weir LOGIN PASSWORD '{PASSWORD}'")

    def _configure(self):
        """Nobody but the admin comes in without a password."""
        settings = f"""
listen_addresses = ''
unix_socket_directories = '{self.folder}'
fsync = off
max_connections = 60
shared_buffers = 32MB
"""
        rules = "local all admin trust\nlocal all all scram-sha-256\n"
        if self.tls:
            settings += self._certify()
            rules += "hostssl all all 127.0.0.1/32 scram-sha-256\n"
        for name, text, mode in [("postgresql.conf", settings, "a"), ("pg_hba.conf", rules, "w")]:
            subprocess.run(as_other("tee", *(["-a"] if mode == "a" else []), str(self.folder / "data" / name)),
                           input=text.encode(), stdout=subprocess.DEVNULL, check=True)

    def _certify(self):
        """The port: one that was free a moment ago."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        for name, source, mode in [("server.crt", self.tls.cert, 0o644), ("server.key", self.tls.key, 0o600)]:
            target = self.folder / name
            shutil.copy(source, target)
            target.chmod(mode)
            if os.geteuid() == 0:
                shutil.chown(target, "postgres", "postgres")
        return (f"listen_addresses = '127.0.0.1'\nport = {self.port}\nssl = on\n"
                f"ssl_cert_file = '{self.folder}/server.crt'\nssl_key_file = '{self.folder}/server.key'\n")

    def _run(self, program, *arguments):
        done = subprocess.run(as_other(str(self.bin / program), *map(str, arguments)), cwd="/tmp",
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self):
        self._run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-t", "30", "start")

    def stop(self, mode="fast"):
        """`immediate`: as if its machine had failed."""
        self._run("pg_ctl", "-D", self.folder / "data", "-w", "-t", "30", "-m", mode, "stop")

    def pause(self, paused):
        """All of its processes stand still: connections are there, and nobody answers."""
        main = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        listed = subprocess.run(["ps", "--ppid", str(main), "-o", "pid="], capture_output=True, text=True)
        for pid in [main, *map(int, listed.stdout.split())]:
            os.kill(pid, signal.SIGSTOP if paused else signal.SIGCONT)

    def admin(self, sql, database="postgres"):
        """The rows of a statement, as lists of texts."""
        done = subprocess.run([str(self.bin / "psql"), "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1",
                               "-h", str(self.folder), *(["-p", str(self.port)] if self.tls else []),
                               "-U", "admin", "-d", database, "-c", sql],
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines() if line]

    def database(self):
        """A new one; its URL, with the password."""
        self.databases += 1
        name = f"weir{self.databases}"
        self.admin(f"CREATE DATABASE {name} OWNER weir")
        return self.url(name)

    def url(self, name, password=PASSWORD, user="weir"):
        port = f"port={self.port}&" if self.tls else ""
        return (f"postgresql://{user}:{urllib.parse.quote(password, safe='')}@/{name}?{port}"
                f"host={urllib.parse.quote(str(self.folder), safe='')}")

    def tls_url(self, name, host="localhost", **parameters):
        return (f"postgresql://weir:{urllib.parse.quote(PASSWORD, safe='')}@{host}:{self.port}/{name}?" +
                urllib.parse.urlencode(parameters))

    def end(self):
        subprocess.run(as_other(str(self.bin / "pg_ctl"), "-D", str(self.folder / "data"), "-m", "immediate", "stop"),
                       cwd="/tmp", capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
