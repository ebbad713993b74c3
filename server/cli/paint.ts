import { styleText } from 'node:util';

/** Styles text for standard output, where that is a terminal with colours (and `NO_COLOR` is not set). */
export function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText(style, text) : text;
}
