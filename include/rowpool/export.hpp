// ROWPOOL_API marks what the library exports; everything else is hidden. ROWPOOL_LOCAL hides what is inside of it.
#pragma once

#define ROWPOOL_API __attribute__((visibility("default")))
#define ROWPOOL_LOCAL __attribute__((visibility("hidden")))
