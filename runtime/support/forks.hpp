// Whether the process has been forked: a child has memory of its parent's threads and locks, but not the threads.
#pragma once

namespace rowpool::support {

/// How many forks lie between the process that loaded the library and this one. What was made at another number belongs
/// to an ancestor: its threads are not here, and its locks may be held by one of them for ever. Processes made by what
/// does not run the handlers of pthread_atfork, vfork and _Fork among them, are not counted.
unsigned fork_number() noexcept;

}  // namespace rowpool::support
