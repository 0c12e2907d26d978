/** First word of `digits.bin`: "DGT1". */
export const DIGITS_MAGIC = 0x31544744;
/** Magic, digits in all, columns, rows, digits to train with; the rest is for validation. */
export const HEADER_WORDS = 5;
