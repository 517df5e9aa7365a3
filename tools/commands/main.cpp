// The program `rowpool`.
#include "tools/commands/command_line.hpp"

int main(int argc, char** argv) { return rowpool::tools::run_command_line(argc, argv); }
