/* Descriptions of memory, and attributes. */
#include "nn/onednn/onednn.h"

lyc_status lyc__onednn_describe(dnnl_memory_desc_t *out, int rank, const dnnl_dim_t *dims,
                                dnnl_data_type_t type, dnnl_format_tag_t tag, lyc_error *err) {
    return lyc__onednn_status(dnnl_memory_desc_init_by_tag(out, rank, dims, type, tag), "describe memory",
                              err);
}

lyc_status lyc__onednn_memory(dnnl_memory_t *out, const dnnl_memory_desc_t *desc, lyc_error *err) {
    dnnl_engine_t engine = NULL;
    LYC_TRY(lyc__onednn_engine(&engine, err));
    return lyc__onednn_status(dnnl_memory_create(out, desc, engine, DNNL_MEMORY_NONE), "make a memory object",
                              err);
}

lyc_status lyc__onednn_attributes(dnnl_primitive_attr_t *out, lyc_error *err) {
    *out = NULL;
    LYC__ONEDNN_TRY(dnnl_primitive_attr_create(out), "make attributes", err);
    const dnnl_status_t status = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    if (status == dnnl_success) return LYC_OK;
    dnnl_primitive_attr_destroy(*out);
    *out = NULL;
    return lyc__onednn_status(status, "take the caller's scratchpad", err);
}

size_t lyc__onednn_scratch_bytes(const_dnnl_primitive_desc_t desc) {
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    return scratch != NULL ? dnnl_memory_desc_get_size(scratch) : 0;
}
