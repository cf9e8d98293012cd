// SPDX-License-Identifier: MIT
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

namespace bench {

/// Boost.Asio's thread_pool and its use_future. Its only way to wait for all tasks ends the pool.
class asio_pool {
public:
    explicit asio_pool(unsigned threads) : pool_(threads) {}

    template <class F>
    void detach(F f) {
        boost::asio::post(pool_, f);
    }
    template <class F>
    auto submit(F f) {
        return boost::asio::post(pool_, boost::asio::use_future(f));
    }

private:
    boost::asio::thread_pool pool_;
};

}  // namespace bench
