export interface Watchdog {
  /** (Re)starts with this many milliseconds as the longest silence before `quiet`, twice that before `dead`. */
  start(interval: number): void;
  /** Something arrived. Cheap: no timer is touched. */
  heard(): void;
  stop(): void;
}

/**
 * Notices a peer that went silent without closing. After one interval of silence it calls `quiet` (time to ask),
 * after a second one `dead`, once. Silence only counts while timers run, so a laptop that slept asks before it gives up.
 */
export function createWatchdog(quiet: () => void, dead: () => void): Watchdog {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let interval = 0;
  let heardAt = 0;
  let asked = false;

  function arm(delay: number): void {
    timer = setTimeout(check, delay);
  }
  function check(): void {
    const silence = performance.now() - heardAt;
    if (silence < interval) arm(interval - silence);
    else if (!asked) {
      asked = true;
      arm(interval);
      quiet();
    } else {
      timer = undefined;
      dead();
    }
  }

  return {
    start(milliseconds) {
      clearTimeout(timer);
      interval = milliseconds;
      heardAt = performance.now();
      asked = false;
      arm(interval);
    },
    heard() {
      heardAt = performance.now();
      asked = false;
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
