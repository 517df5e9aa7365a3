// Detects forks: a child of fork() has its parent's memory, with the state of threads and locks, but not the threads.
#pragma once

namespace rowpool::support {

/// The number of forks between the process that loaded the library and this one. An object that was created at another
/// number belongs to an ancestor: its threads do not exist here, and its locks may be held for ever. Children that are
/// created without running pthread_atfork handlers, such as by vfork and _Fork, are not counted.
unsigned fork_number() noexcept;

}  // namespace rowpool::support
