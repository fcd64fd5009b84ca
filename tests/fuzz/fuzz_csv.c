/* CSV tables, plain or gzipped. The first byte chooses the options. */
#include <math.h>
#include <stdlib.h>

#include "data/csv_table.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const labels[] = {NULL, "0", "kind", "-2"};
    fuzz_file file;
    lyc__csv_table table = {0};
    lyc_error err = {0};
    bool found = true;
    if (size == 0) return 0;
    lyc_csv_options options = {.header = (lyc_csv_header)(data[0] % 3),
                               .label = labels[data[0] / 3 % 4],
                               .delimiter = data[0] & 0x40 ? ';' : 0,
                               .unlabelled = (data[0] & 0x80) != 0};
    fuzz_open(&file, data + 1, size - 1);
    lyc_status status = lyc__csv_table_open(&table, file.path, &options, &err);
    while (status == LYC_OK && found) {
        status = lyc__csv_table_next(&table, &found, &err);
        for (uint32_t i = 0; status == LYC_OK && found && i < lyc__csv_table_features(&table); i++)
            if (!isfinite(table.values[i])) abort();
    }
    fuzz_check(status, &err);
    lyc__csv_table_close(&table);
    fuzz_close(&file);
    return 0;
}
