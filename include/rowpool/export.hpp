// ROWPOOL_API marks what the library exports; everything else is hidden. ROWPOOL_LOCAL hides what is inside of it.
#pragma once

#define ROWPOOL_API __attribute__((visibility("default")))
#define ROWPOOL_LOCAL __attribute__((visibility("hidden")))

// Marks what an object keeps a view of, so that clang warns about temporaries that end before it.
#if defined(__clang__)
#define ROWPOOL_VIEWED [[clang::lifetimebound]]
#else
#define ROWPOOL_VIEWED
#endif
