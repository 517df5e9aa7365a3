// ROWPOOL_API marks what the library exports; everything else is hidden. ROWPOOL_LOCAL hides members of an exported
// class.
#pragma once

#define ROWPOOL_API __attribute__((visibility("default")))
#define ROWPOOL_LOCAL __attribute__((visibility("hidden")))

// Marks an argument that an object keeps a view of, so that clang warns about temporaries that it outlives.
#if defined(__clang__)
#define ROWPOOL_VIEWED [[clang::lifetimebound]]
#else
#define ROWPOOL_VIEWED
#endif
