/** Ctrl-C (SIGINT) or SIGTERM as a signal: the first one asks to stop in order, the second one ends the process with 130. */
export function interruption(onFirst: () => void = () => {}): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const interrupted = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
    onFirst();
  };
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => void process.off('SIGINT', interrupted).off('SIGTERM', interrupted),
  };
}
