// ROWPOOL_API marks what the library exports; everything else is hidden.
#pragma once

#define ROWPOOL_API __attribute__((visibility("default")))
