/* An HDF5 file out of bytes, so that fuzzing changes what a file holds and not how HDF5 packs it: HDF5 itself
 * is not ours to mend, and a damaged byte of its metadata seldom gets past its checksums.
 *
 * The bytes are a list of records, each with its length in front, so that a change in one leaves the others
 * alone:
 *
 *   length u16, kind u8, name, rest          numbers are little-endian; name: length u8, bytes
 *     kind 0  group
 *     kind 1  data set        rest: layout u8, value
 *     kind 2  attribute       rest: name of the attribute, value
 *     kind 3  link            rest: how u8 (soft, hard, external), name of the target
 *   value: type u8, width u16 (of texts), rank u8, dims u32 [rank], bytes, repeated to fill it
 *
 * Whatever a record cannot say (a length beyond the end, a group that is none) is left out.
 * tests/golden/fuzz_corpus.py writes such lists of real files. */
#ifndef LYC_TEST_FUZZ_CONTAINER_H
#define LYC_TEST_FUZZ_CONTAINER_H

#include "tests/fuzz/fuzz.h"

/* Where `mended` is not NULL every attribute of that name holds `text` in the place of what the bytes say. */
void container_open(fuzz_file *out, const uint8_t *data, size_t size, const char *mended, const char *text);

/* What a reader computed, out of its complaint that a file states another sum: the first 32 hexadecimal
 * digits behind `phrase`. False when the message says no such thing. */
int container_sum(const lyc_error *err, const char *phrase, char out[33]);

#endif
