"""Runs commands, so many at once, and prints what they used as JSON.

Reads {"commands": [[...]], "atOnce": n, "limit": seconds, "output": file, "sample": seconds} from standard input. Wall
time runs from the first start (`beganAt`, milliseconds since 1970) to the last end. CPU time is that of all commands and their children; peak memory is that
of the largest one. A command that was forked off this small program cannot show less than this program's own memory.
"""

import json
import os
import signal
import sys
import threading
import time

task = json.load(sys.stdin)
running = {}
samples = []
stopped = False


def stop(*_):
    global stopped
    stopped = True
    for pid in list(running):
        os.kill(pid, signal.SIGKILL)


def sample_memory(every, began):
    page = os.sysconf("SC_PAGE_SIZE")
    while not stopped:
        for pid in list(running):
            try:
                with open(f"/proc/{pid}/statm") as file:
                    samples.append([time.monotonic() - began, int(file.read().split()[1]) * page / 2**20])
            except (OSError, IndexError):
                pass
        time.sleep(every)


signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGALRM, stop)
signal.setitimer(signal.ITIMER_REAL, task["limit"])

output = os.open(task["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
actions = [
    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
    (os.POSIX_SPAWN_DUP2, output, 1),
    (os.POSIX_SPAWN_DUP2, output, 2),
]
waiting = list(task["commands"])
cpu = 0.0
peak = 0
failed = 0
began_at = time.time()
began = time.monotonic()
if task.get("sample"):
    threading.Thread(target=sample_memory, args=(task["sample"], began), daemon=True).start()
while (waiting and not stopped) or running:
    while waiting and not stopped and len(running) < task["atOnce"]:
        command = waiting.pop(0)
        running[os.posix_spawnp(command[0], command, os.environ, file_actions=actions)] = command
    pid, status, usage = os.wait4(-1, 0)
    if running.pop(pid, None) is None:
        continue
    cpu += usage.ru_utime + usage.ru_stime
    peak = max(peak, usage.ru_maxrss)
    if status != 0:
        failed += 1
wall = time.monotonic() - began
json.dump(
    {
        "beganAt": began_at * 1000,
        "wallSeconds": wall,
        "cpuSeconds": cpu,
        "residentMiB": peak / 1024,
        "failed": failed,
        "stopped": stopped,
        "samples": samples,
    },
    sys.stdout,
)
