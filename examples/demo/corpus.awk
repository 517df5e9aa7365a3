# From the package lists of apt (apt-cache dumpavail) to bags: one line a package, with its name and the names of the
# packages that it depends on, recommends or suggests, each once. Packages that name no other are left out.
function flush_bag(i, count, names, seen, bag) {
    count = split(line, names, " ")
    for (i = 1; i <= count; i++) {
        if (!(names[i] in seen)) bag = bag (bag == "" ? "" : " ") names[i]
        seen[names[i]]
    }
    if (index(bag, " ")) print bag
    line = ""
}

/^Package: / { line = $2 }

/^(Pre-Depends|Depends|Recommends|Suggests): / {
    sub(/^[^ ]+ /, "")
    gsub(/\([^)]*\)|\[[^]]*\]|<[^>]*>|:[a-z0-9-]+/, "")  # versions, architectures, build profiles, :any
    gsub(/[|,]/, " ")
    line = line " " $0
}

/^$/ { flush_bag() }
END { flush_bag() }
