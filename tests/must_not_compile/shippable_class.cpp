// expect: argument 1 has a type that cannot cross to another process
// expect: specialise yoke::codec
// SPDX-License-Identifier: MIT
#include <yoke/wire/remote_call.hpp>

#include <string>
#include <utility>

template <class F, class... Args>
void send(F&&, Args&&...) {
    yoke::refuse_unshippable<F, Args...>();
}

class title {
public:
    explicit title(std::string text) : text_(std::move(text)) {}
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

#ifdef YOKE_FIXED
template <>
struct yoke::codec<title> {
    static void encode(wire_writer& out, const title& value) { yoke::encode(out, value.text()); }
    static title decode(wire_reader& in) { return title(yoke::decode<std::string>(in)); }
};
#endif

void test() {
    send([](const title& t) { return t.text().size(); }, title("text"));
}
