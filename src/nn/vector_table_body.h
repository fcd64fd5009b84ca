/* The table of a level, filled with what the other bodies define. Included last by every level's file. */

static bool runs_here(void) {
    return RUNS_HERE;
}

static const lyc__vectors table = {
    .name = LEVEL_NAME,
    .lanes = LANES,
    .runs_here = runs_here,
    .exp = map_exp,
    .log = map_log,
    .tanh = map_tanh,
    .erf = map_erf,
    .relu = map_relu,
    .scale = scale_floats,
    .scale_bytes = scale_bytes,
    .all_finite = all_finite,
    .add = map_add,
    .add_relu = map_add_relu,
    .relu_backward = map_relu_backward,
    .add_bias = add_bias,
    .column_sums = column_sums,
    .column_moments = column_moments,
    .column_products = column_products,
    .normalize = normalize,
    .normalize_backward = normalize_backward,
    .layer_norm = layer_norm,
    .layer_norm_products = layer_norm_products,
    .layer_norm_backward = layer_norm_backward,
    .softmax = softmax,
    .cross_entropy = cross_entropy,
    .kl = kl,
    .describe_answers = describe_answers,
    .label_distances = label_distances,
    .scaled_loss = scaled_loss,
    .double_tanh = double_tanh,
    .double_tanh_backward = double_tanh_backward,
    .double_products = double_products,
    .double_outer = double_outer,
    .double_dots = double_dots,
    .sgd = sgd,
    .adam = adam,
    .patches = patches,
    .planes = planes,
    .unpatch = unpatch,
    .unplane = unplane,
    .spread = spread,
    .convolve_thin = convolve_thin,
    .max_pool = max_pool,
    .max_pool_backward = max_pool_backward,
};

const lyc__vectors *const LEVEL = &table;
