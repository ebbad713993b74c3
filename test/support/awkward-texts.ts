/** Strings that break a careless framing of event streams: line ends of all kinds, fields, marks, halves of characters. */
export const AWKWARD_TEXTS: readonly string[] = [
  '',
  ' ',
  ' a space before and after ',
  'one\nline break',
  'two\n\nline breaks',
  'a carriage return\r',
  '\r\n\r\n',
  '\n\ndata: {"type":"forged"}\n\nid: forged:1\n\n',
  'event: other\nretry: 1',
  ': a comment',
  '\u2028 and \u2029 end lines in old JavaScript, \u0085 elsewhere',
  '\ufeff a byte order mark',
  '\u0000 a NUL',
  'é \u{1f30a} \u{1f469}\u200d\u{1f469}\u200d\u{1f467}',
  'half a character \ud83c',
  '\udf0a the other half',
];
