/* The engine that all primitives belong to, and what oneDNN says of itself. */
#include <pthread.h>
#include <stdio.h>

#include "nn/onednn/onednn.h"
#include "nn/versions.h"

static pthread_once_t made = PTHREAD_ONCE_INIT;
static dnnl_engine_t engine;
static dnnl_status_t engine_status;

static void make(void) {
    const int before = lyc__onednn_enter();
    engine_status = dnnl_engine_create(&engine, dnnl_cpu, 0);
    lyc__onednn_leave(before);
}

lyc_status lyc__onednn_engine(dnnl_engine_t *out, lyc_error *err) {
    LYC_TRY(lyc__onednn_check(err));
    pthread_once(&made, make);
    *out = engine;
    return lyc__onednn_status(engine_status, "use this CPU", err);
}

lyc_status lyc__onednn_status(dnnl_status_t status, const char *what, lyc_error *err) {
    switch (status) {
    case dnnl_success:
        return LYC_OK;
    case dnnl_out_of_memory:
        LYC_FAIL(err, LYC_ENOMEM, "oneDNN cannot %s: no memory", what);
    case dnnl_unimplemented:
        LYC_FAIL(err, LYC_EUNSUPPORTED, "oneDNN has no kernel on this CPU, or for these sizes, to %s", what);
    case dnnl_invalid_arguments:
    case dnnl_iterator_ends:
    case dnnl_runtime_error:
    case dnnl_not_required:
        break;
    }
    LYC_FAIL(err, LYC_EINTERNAL, "oneDNN cannot %s: status %d", what, (int)status);
}

const char *lyc__onednn_implementation(const_dnnl_primitive_desc_t desc) {
    const char *name = NULL;
    if (dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, (void *)&name) != dnnl_success)
        return "unknown";
    return name;
}

static const char *isa_name(void) {
    static const struct {
        dnnl_cpu_isa_t isa;
        const char *name;
    } names[] = {
        {dnnl_cpu_isa_sse41, "sse41"},
        {dnnl_cpu_isa_avx, "avx"},
        {dnnl_cpu_isa_avx2, "avx2"},
        {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
        {dnnl_cpu_isa_avx512_core, "avx512_core"},
        {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
        {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
        {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
    };
    const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].isa == isa) return names[i].name;
    return "other instructions";
}

bool lyc__onednn_version(char out[LYC__VERSION_SIZE], const char **isa) {
    const dnnl_version_t *version = dnnl_version();
    (void)snprintf(out, LYC__VERSION_SIZE, "%d.%d.%d", version->major, version->minor, version->patch);
    *isa = isa_name();
    return true;
}
