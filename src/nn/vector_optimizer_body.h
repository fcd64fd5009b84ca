/* One update of the parameters. Included by every level's file; the formulas are PyTorch's. */

/* A parameter whose gradient stays 0, as that of a unit which no longer fires does, leaves a mean that
 * shrinks for ever: below 1e-38 the CPU computes with such numbers a hundred times slower. Nothing that small
 * moves a parameter. */
INLINE vector without_dust(vector x) {
    return choose(above(all(1e-30f), larger(x, subtract(all(0), x))), all(0), x);
}

typedef struct sgd_lanes {
    vector param, velocity;
} sgd_lanes;

INLINE sgd_lanes sgd_lanes_step(sgd_lanes x, vector gradient, const lyc__sgd *step) {
    vector d = add2(times(gradient, all(step->clip)), times(all(step->decay), x.param));
    x.velocity = without_dust(add2(times(all(step->momentum), x.velocity), d));
    if (step->nesterov) d = add2(d, times(all(step->momentum), x.velocity));
    else d = x.velocity;
    x.param = subtract(x.param, times(all(step->rate), d));
    return x;
}

static TARGET void sgd(float *params, const float *gradient, float *velocity, size_t count,
                       const lyc__sgd *step) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        sgd_lanes x = {load(params + i), velocity != NULL ? load(velocity + i) : all(0)};
        x = sgd_lanes_step(x, load(gradient + i), step);
        if (velocity != NULL) store(velocity + i, x.velocity);
        store(params + i, x.param);
    }
    const size_t rest = count - i;
    if (rest == 0) return;
    sgd_lanes x = {load_part(params + i, rest), velocity != NULL ? load_part(velocity + i, rest) : all(0)};
    x = sgd_lanes_step(x, load_part(gradient + i, rest), step);
    if (velocity != NULL) store_part(velocity + i, rest, x.velocity);
    store_part(params + i, rest, x.param);
}

typedef struct adam_lanes {
    vector param, mean, square;
} adam_lanes;

INLINE adam_lanes adam_lanes_step(adam_lanes x, vector gradient, const lyc__adam *step) {
    x.param = times(x.param, all(step->shrink));
    gradient = add2(times(gradient, all(step->clip)), times(x.param, all(step->decay)));
    x.mean = without_dust(add2(times(x.mean, all(step->beta1)), times(gradient, all(step->fresh1))));
    x.square = add2(times(x.square, all(step->beta2)), times(times(gradient, gradient), all(step->fresh2)));
    vector below = add2(times(root(x.square), all(step->scale)), all(step->epsilon));
    x.param = subtract(x.param, over(times(all(step->step_size), x.mean), below));
    return x;
}

static TARGET void adam(float *params, const float *gradient, float *mean, float *square, size_t count,
                        const lyc__adam *step) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        adam_lanes x = {load(params + i), load(mean + i), load(square + i)};
        x = adam_lanes_step(x, load(gradient + i), step);
        store(params + i, x.param);
        store(mean + i, x.mean);
        store(square + i, x.square);
    }
    const size_t rest = count - i;
    if (rest == 0) return;
    adam_lanes x = {load_part(params + i, rest), load_part(mean + i, rest), load_part(square + i, rest)};
    x = adam_lanes_step(x, load_part(gradient + i, rest), step);
    store_part(params + i, rest, x.param);
    store_part(mean + i, rest, x.mean);
    store_part(square + i, rest, x.square);
}
