"""A real PostgreSQL server for tests: in a folder of its own, on a unix socket, stopped at the end."""
import glob
import os
import pathlib
import pwd
import shutil
import signal
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
    def __init__(self):
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
        for name, text, mode in [("postgresql.conf", settings, "a"), ("pg_hba.conf", rules, "w")]:
            subprocess.run(as_other("tee", *(["-a"] if mode == "a" else []), str(self.folder / "data" / name)),
                           input=text.encode(), stdout=subprocess.DEVNULL, check=True)

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
                               "-h", str(self.folder), "-U", "admin", "-d", database, "-c", sql],
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
        return (f"postgresql://{user}:{urllib.parse.quote(password, safe='')}@/{name}?"
                f"host={urllib.parse.quote(str(self.folder), safe='')}")

    def end(self):
        subprocess.run(as_other(str(self.bin / "pg_ctl"), "-D", str(self.folder / "data"), "-m", "immediate", "stop"),
                       cwd="/tmp", capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
