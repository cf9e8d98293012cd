// expect: worker_local: the factory must be callable without arguments and return a T
// SPDX-License-Identifier: MIT
#include <yoke/worker_local.hpp>

#include <string>

#ifdef YOKE_FIXED
yoke::worker_local<std::string> names([] { return std::string("none"); });
#else
yoke::worker_local<std::string> names([](int n) { return std::string(n, ' '); });
#endif
