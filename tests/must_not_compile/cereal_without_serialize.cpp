// expect: cereal cannot write a T: give it a serialize()
// SPDX-License-Identifier: MIT
#include <yoke/adapter/cereal.hpp>
#include <yoke/wire/codec.hpp>

class account {
public:
    account() = default;
    explicit account(int number) : number_(number) {}

private:
    friend class cereal::access;
#ifdef YOKE_FIXED
    template <class Archive>
    void serialize(Archive& archive) {
        archive(number_);
    }
#endif
    int number_ = 0;
};

template <>
struct yoke::codec<account> : yoke::cereal_codec<account> {};

void test(yoke::wire_writer& out) { yoke::encode(out, account(7)); }
