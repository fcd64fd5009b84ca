#include "app/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void lyc__format_count(uint64_t count, char out[LYC__SHORT]) {
    char digits[LYC__SHORT];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    char *to = out;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
}

void lyc__format_rate(double rate, char out[LYC__SHORT]) {
    if (rate >= 100) lyc__format_count((uint64_t)llround(rate), out);
    else snprintf(out, LYC__SHORT, "%.*f", rate >= 10 ? 1 : 2, rate);
}

void lyc__format_duration(double seconds, char out[LYC__SHORT]) {
    unsigned long long whole = seconds > 0 ? (unsigned long long)llround(seconds) : 0;
    unsigned long long hours = whole / 3600, minutes = whole / 60 % 60;
    if (hours > 0) snprintf(out, LYC__SHORT, "%llu:%02llu:%02llu", hours, minutes, whole % 60);
    else snprintf(out, LYC__SHORT, "%llu:%02llu", minutes, whole % 60);
}

void lyc__format_bytes(double bytes, char out[LYC__SHORT]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, LYC__SHORT, "%.*f %s", unit > 0 && bytes < 10 ? 1 : 0, bytes, units[unit]);
}

void lyc__format_percent(double share, char out[LYC__SHORT]) {
    if (isfinite(share)) snprintf(out, LYC__SHORT, "%.2f %%", share * 100);
    else snprintf(out, LYC__SHORT, "-");
}
