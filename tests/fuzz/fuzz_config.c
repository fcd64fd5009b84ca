/* Configurations. The first byte chooses the command; what is accepted must survive being written and read
 * again. */
#include <stdlib.h>
#include <string.h>

#include "lyceum/config.h"
#include "tests/fuzz/fuzz.h"

static void check_again(const lyc_config *config, lyc_config_command command) {
    char *text = NULL, *again = NULL;
    lyc_config *copy = NULL;
    lyc_error err = {0};
    if (lyc_config_resolved(config, &text, &err) != LYC_OK) abort();
    if (lyc_config_parse(&copy, command, text, "resolved", NULL, 0, &err) != LYC_OK) abort();
    if (lyc_config_resolved(copy, &again, &err) != LYC_OK || strcmp(text, again) != 0) abort();
    lyc_config_destroy(copy);
    lyc_free(text);
    lyc_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lyc_config *config = NULL;
    lyc_error err = {0};
    if (size == 0) return 0;
    lyc_config_command command = data[0] % 2 ? LYC_CONFIG_TRAIN : LYC_CONFIG_DISTILL;
    char *text = lyc_calloc(size, 1); /* one byte less, and a terminator */
    if (!text) return 0;
    memcpy(text, data + 1, size - 1);
    lyc_status status = lyc_config_parse(&config, command, text, "fuzz", NULL, 0, &err);
    fuzz_check(status, &err);
    if (status == LYC_OK) check_again(config, command);
    lyc_config_destroy(config);
    lyc_free(text);
    return 0;
}
