/* Changes of whole records, which libFuzzer's own, byte by byte, would seldom hit upon (container.h). */
#include <string.h>

#include "tests/fuzz/container.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

enum { MOST_RECORDS = 512, HEAD = 2 };

static size_t length_at(const uint8_t *data) {
    return (size_t)data[0] | (size_t)data[1] << 8;
}

/* Where records begin; one more entry for the end. */
static size_t find_records(const uint8_t *data, size_t size, size_t starts[MOST_RECORDS + 1]) {
    size_t count = 0, at = 0;
    while (count < MOST_RECORDS && at + HEAD < size && at + HEAD + length_at(data + at) <= size) {
        starts[count++] = at;
        at += HEAD + length_at(data + at);
    }
    starts[count] = at;
    return count;
}

static size_t erase(uint8_t *data, size_t size, size_t from, size_t to) {
    memmove(data + from, data + to, size - to);
    return size - (to - from);
}

/* A second one, in front of the record at `where`. */
static size_t repeat(uint8_t *data, size_t size, size_t most, size_t from, size_t to, size_t where) {
    uint8_t copy[1 << 16];
    const size_t length = to - from;
    if (length > sizeof copy || length > most - size) return size;
    memcpy(copy, data + from, length);
    memmove(data + where + length, data + where, size - where);
    memcpy(data + where, copy, length);
    return size + length;
}

static size_t change(uint8_t *data, size_t size, size_t most, size_t from, size_t to) {
    uint8_t copy[1 << 16];
    size_t length = to - from - HEAD, room = length + (most - size);
    if (room > 4 * length + 64) room = 4 * length + 64;
    if (room > sizeof copy - 1) room = sizeof copy - 1;
    if (room == 0 || length > room) return size; /* libFuzzer makes one byte even of nothing */
    memcpy(copy, data + from + HEAD, length);
    const size_t changed = LLVMFuzzerMutate(copy, length, room);
    memmove(data + from + HEAD + changed, data + to, size - to);
    memcpy(data + from + HEAD, copy, changed);
    data[from] = (uint8_t)changed;
    data[from + 1] = (uint8_t)(changed >> 8);
    return size - length + changed;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    size_t starts[MOST_RECORDS + 1];
    const size_t count = find_records(data, size, starts);
    const unsigned way = seed % 16;
    if (count == 0 || way == 0) return LLVMFuzzerMutate(data, size, most);
    const size_t which = (seed >> 4) % count;
    if (way <= 2) return erase(data, size, starts[which], starts[which + 1]);
    if (way <= 4)
        return repeat(data, size, most, starts[which], starts[which + 1], starts[(seed >> 16) % (count + 1)]);
    return change(data, size, most, starts[which], starts[which + 1]);
}
