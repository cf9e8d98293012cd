// yoke.hpp, nothing used
// budget: 7.7 compiled 7.7, goal: 3.5 compiled 3.0
#include <yoke/yoke.hpp>

int main() {}
