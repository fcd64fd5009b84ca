/* Symbol visibility and compiler attributes used by every public header. */
#ifndef LYCEUM_EXPORT_H
#define LYCEUM_EXPORT_H

#if defined(__GNUC__)
#define LYC_API                                  __attribute__((visibility("default")))
#define LYC_MUST_USE                             __attribute__((warn_unused_result))
#define LYC_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#define LYC_API
#define LYC_MUST_USE
#define LYC_PRINTF(format_index, first_argument)
#endif

#ifdef __cplusplus
#define LYC_BEGIN_DECLS extern "C" {
#define LYC_END_DECLS   }
#else
#define LYC_BEGIN_DECLS
#define LYC_END_DECLS
#endif

#endif
