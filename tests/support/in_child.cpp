// See in_child.hpp.
#include "tests/support/in_child.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace rowpool::test {
namespace {

// The answer is far shorter than what a pipe holds, so that the child never waits for a reader.
[[noreturn]] void answer(int pipe, const std::string& isa, const std::function<std::string()>& work) {
    setenv("ROWPOOL_ISA", isa.c_str(), 1);
    const std::string text = work();
    const bool written = write(pipe, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(written ? 0 : 1);
}

std::string read_all(int pipe) {
    std::string text;
    char buffer[512];
    for (ssize_t n = read(pipe, buffer, sizeof buffer); n > 0; n = read(pipe, buffer, sizeof buffer)) {
        text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
}

}  // namespace

std::string in_child_with_isa(const std::string& isa, const std::function<std::string()>& work) {
    int ends[2];
    if (pipe(ends) != 0) return "no pipe";
    const pid_t child = fork();
    if (child < 0) return "no child";
    if (child == 0) answer(ends[1], isa, work);
    close(ends[1]);
    const std::string text = read_all(ends[0]);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : "child ended with status " + std::to_string(status);
}

}  // namespace rowpool::test
