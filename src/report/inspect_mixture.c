/* What each teacher adds to the others, as the run measured it at its end. */
#include "lyceum/run_layout.h"
#include "report/inspect.h"

lyc_status lyc__inspect_mixtures(lyc__inspector *run, lyc_error *err) {
    size_t classes = run->shown.class_count;
    uint64_t rows = 0;
    lyc_inspected_mixture *list;
    const double *without, *accuracy, *nll, *by_class[3], *by_bin[3];
    static const char *const class_columns[] = {"class_rows", "class_accuracy", "class_nll"};
    static const char *const bin_columns[] = {"bin_rows", "bin_accuracy", "bin_nll"};
    if (!lyc_runreader_has_table(run->reader, "mixture")) return LYC_OK;
    LYC_TRY(lyc_runreader_rows(run->reader, "mixture", &rows, err));
    LYC_TRY(lyc__inspector_column(run, "mixture", "without", 1, rows, &without, err));
    LYC_TRY(lyc__inspector_column(run, "mixture", "accuracy", 1, rows, &accuracy, err));
    LYC_TRY(lyc__inspector_column(run, "mixture", "nll", 1, rows, &nll, err));
    for (int i = 0; i < 3; i++) {
        LYC_TRY(lyc__inspector_column(run, "mixture", class_columns[i], classes, rows, &by_class[i], err));
        LYC_TRY(lyc__inspector_column(run, "mixture", bin_columns[i], LYC_RUN_BINS, rows, &by_bin[i], err));
    }
    LYC_TRY(lyc__inspector_allocate(run, (void **)&list, (size_t)rows, sizeof *list, err));
    for (size_t i = 0; i < rows; i++) {
        if (without[i] < -1 || without[i] >= (double)run->shown.teacher_count)
            LYC_FAIL(err, LYC_EFORMAT,
                     "%s: /mixture/without is %g in row %zu, of %zu teachers: the file is damaged",
                     run->shown.path, without[i], i, run->shown.teacher_count);
        list[i] = (lyc_inspected_mixture){
            .without = (int)without[i],
            .accuracy = accuracy[i],
            .nll = nll[i],
            .class_rows = by_class[0] + i * classes,
            .class_accuracy = by_class[1] + i * classes,
            .class_nll = by_class[2] + i * classes,
            .bin_rows = by_bin[0] + i * LYC_RUN_BINS,
            .bin_accuracy = by_bin[1] + i * LYC_RUN_BINS,
            .bin_nll = by_bin[2] + i * LYC_RUN_BINS,
        };
    }
    run->shown.mixtures = list;
    run->shown.mixture_count = (size_t)rows;
    return LYC_OK;
}
