/* Cells of a table in plain text: widths count characters, not bytes. */
#ifndef LYC_REPORT_CELLS_H
#define LYC_REPORT_CELLS_H

#include "base/text.h"

/* `word`, then spaces up to `columns` characters; a longer word is cut and ends in "~". */
void lyc__cell_left(lyc__text *text, const char *word, size_t columns);
/* Spaces, then `word`: cut likewise. */
void lyc__cell_right(lyc__text *text, const char *word, size_t columns);

#endif
