/* sanitized.h - is this built with the address sanitizer? gcc and clang say so in their own words. ADDRESS_SANITIZED: 0
 * or 1. */
#ifndef WEIR_BASE_SANITIZED_H
#define WEIR_BASE_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZED 1
#endif
#endif
#ifndef ADDRESS_SANITIZED
#define ADDRESS_SANITIZED 0
#endif

#endif
