#include "distill/resolved.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/memory.h"

enum { MOST_BYTES = 1 << 20 }; /* of a configuration, as the reader has it */

static lyc_status read_text(const char *path, char **out, lyc_error *err) {
    FILE *file = fopen(path, "rbe");
    *out = NULL;
    if (!file && errno == ENOENT) return LYC_OK;
    if (!file) LYC_FAIL(err, LYC_EIO, "%s: cannot read it: %s", path, strerror(errno));
    lyc_status status = lyc_allocate((void **)out, MOST_BYTES + 1, 1, "a run's configuration", err);
    if (status == LYC_OK && fread(*out, 1, MOST_BYTES, file) < MOST_BYTES && ferror(file)) {
        status = LYC_ERROR(err, LYC_EIO, "%s: cannot read it", path);
        lyc_free(*out);
        *out = NULL;
    }
    (void)fclose(file);
    return status;
}

/* `former` with the output of `config`: do they resolve to the same text? */
static lyc_status compare(lyc_config *former, const lyc_config *config, bool *same, lyc_error *err) {
    char *before = NULL, *now = NULL;
    former->output = config->output;
    lyc_status status = lyc_config_resolved(former, &before, err);
    if (status == LYC_OK) status = lyc_config_resolved(config, &now, err);
    if (status == LYC_OK) *same = strcmp(before, now) == 0;
    lyc_free(now);
    lyc_free(before);
    return status;
}

lyc_status lyc__resolved_compare(const char *path, const lyc_config *config, bool *same, char **text,
                                 lyc_error *err) {
    lyc_config *former = NULL;
    lyc_error fault = {0};
    *same = true;
    LYC_TRY(read_text(path, text, err));
    if (!*text) return LYC_OK;
    *same = false;
    lyc_status status = lyc_config_parse(&former, config->command, *text, path, NULL, 0, &fault);
    if (status == LYC_OK) status = compare(former, config, same, err);
    else if (status == LYC_ECONFIG) status = LYC_OK; /* it says what no configuration does: another one */
    else status = LYC_ERROR(err, status, "%s", fault.message);
    lyc_config_destroy(former);
    if (!*same) {
        lyc_free(*text);
        *text = NULL;
    }
    return status;
}
