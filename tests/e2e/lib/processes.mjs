/** Looking at running processes, from /proc: who started whom, and what they cost. */
import fs from "node:fs";

/** `{ pid, parent, name, ticks, started }` of every process that can be read. Ticks are of 10 ms. */
export function processes() {
  const found = [];
  for (const entry of fs.readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = fs.readFileSync(`/proc/${entry}/stat`, "utf8");
      // The name is in parentheses and may hold anything, so the fields are counted from the last one.
      const end = stat.lastIndexOf(")");
      const fields = stat.slice(end + 2).split(" ");
      if (fields[0] === "Z") continue;
      found.push({
        pid: Number(entry),
        parent: Number(fields[1]),
        name: stat.slice(stat.indexOf("(") + 1, end),
        ticks: Number(fields[11]) + Number(fields[12]),
        started: Number(fields[19]),
      });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** The process and everything that it started, directly or not. */
export function tree(pid) {
  const all = processes();
  const family = all.filter((process) => process.pid === pid);
  for (const member of family) family.push(...all.filter((process) => process.parent === member.pid));
  return family;
}

/** The worker that runs the small model. */
export const ENGINE = "molt-llama";

/** Process ids of the descendants of `pid` with this name; the kernel keeps 15 characters of a name. */
export function descendants(pid, name) {
  return tree(pid).filter((process) => process.pid !== pid && process.name === name.slice(0, 15)).map(({ pid }) => pid);
}

/** Proportional set size of a whole tree in bytes: memory that is shared is counted once. */
export function memory(pid) {
  let kilobytes = 0;
  for (const member of tree(pid)) {
    try {
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${member.pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      // It ended while we looked.
    }
  }
  return kilobytes * 1024;
}

/** Processor time of a whole tree in seconds. */
export function cpuSeconds(pid) {
  return tree(pid).reduce((sum, { ticks }) => sum + ticks, 0) / 100;
}

/** Milliseconds since the process was started, to 10 ms. */
export function age(pid) {
  const uptime = Number(fs.readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  const self = processes().find((process) => process.pid === pid);
  return self ? Math.round(uptime * 1000 - self.started * 10) : null;
}

export function alive(pid) {
  return processes().some((process) => process.pid === pid);
}
