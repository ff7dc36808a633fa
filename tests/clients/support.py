"""What the client tests share: a server of their own, a reference PostgreSQL, unpacked data."""
import atexit
import gzip
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("SPG_SHARED") or ROOT.parent / "shared")
SERVER = os.environ.get("SPG_SERVER", str(ROOT / "build/dev/spg-server"))
PSQL = "/usr/lib/postgresql/15/bin/psql"
PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def scratch(prefix="spg-test-"):
    """A new folder, in SPG_BENCH_DIR when that is set, which goes with this process however that ends (SPG_KEEP_SCRATCH keeps it)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("SPG_BENCH_DIR")))
    if not os.environ.get("SPG_KEEP_SCRATCH"):
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Server:
    """A spg-server on a folder and a port of its own."""

    def __init__(self, folder=None, **environment):
        self.folder = pathlib.Path(folder or scratch())
        self.port = free_port()
        self.environment = environment
        self.command = [SERVER]
        self.process = None

    def start(self, timeout=30):
        env = dict(os.environ, SPG_PG_ADDR=f"127.0.0.1:{self.port}", SPG_DB=str(self.folder / "spg.db"),
                   SPG_WAL=str(self.folder / "wal.log"), **self.environment)
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(self.command, env=env, stdout=subprocess.PIPE, stderr=self.log)
        atexit.register(self.end, self.process)  # nothing outlives a test that fails
        line = self.process.stdout.readline()
        if b"ready" not in line:
            raise RuntimeError(f"the server did not start: {line!r}\n" + (self.folder / "server.log").read_text(errors="replace"))
        return self

    def dsn(self, database="postgres"):
        return f"host=127.0.0.1 port={self.port} user=bench password=bench dbname={database}"

    @staticmethod
    def end(process):
        process.kill()
        process.wait()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise RuntimeError("the server did not stop within 60 s")
            if self.process.returncode != 0:
                raise RuntimeError(f"the server ended with {self.process.returncode}\n" + (self.folder / "server.log").read_text(errors="replace"))

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.stop()


def psql(dsn, *arguments, check=True, cwd=None, text=None):
    done = subprocess.run([PSQL, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn, *arguments], capture_output=True, text=True, cwd=cwd, input=text)
    if check and done.returncode != 0:
        raise RuntimeError(f"psql failed: {done.stderr}\n{done.stdout}")
    return done


def reference():
    """A DSN of PostgreSQL 15."""
    return subprocess.run([str(SHARED / "tools/refpg"), "start"], capture_output=True, text=True, check=True).stdout.strip()


def unpack_debian(folder):
    if not (SHARED / "data/debian").exists():
        print(f"skipped: there is no data in {SHARED} (SPG_SHARED says where it is)")
        sys.exit(77)
    for name in ("maintainers", "packages", "depends"):
        with gzip.open(SHARED / f"data/debian/{name}.tsv.gz") as source, open(pathlib.Path(folder) / f"{name}.tsv", "wb") as to:
            shutil.copyfileobj(source, to)
