// SPDX-License-Identifier: MIT
#pragma once

/// The call that gets one page of a fetch (algorithm/fetch.hpp).

#include <yoke/concept/page_source.hpp>
#include <yoke/error.hpp>

#include <iterator>
#include <memory>
#include <string>

namespace yoke::detail {

/// Gets one page, complete as the options ask. Runs in the worker, and crosses to it if the source does.
template <class Source>
struct page_call {
    Source source;
    bool complete;     // ask again for what a short answer left out
    unsigned retries;  // of a call that throws

    page_rows<Source> operator()(page_request page) const {
        auto rows = ask(page);
        while (complete && !rows.empty() && rows.size() < page.limit) {
            auto more = ask({page.offset + rows.size(), page.limit - rows.size()});
            if (more.empty()) break;
            rows.insert(rows.end(), std::make_move_iterator(more.begin()),
                        std::make_move_iterator(more.end()));
        }
        return rows;
    }

private:
    page_rows<Source> ask(page_request page) const {
        for (unsigned again = retries;; --again) {
            try {
                auto rows = source(page);
                if (rows.size() > page.limit)
                    throw page_overflow("the source returned " + std::to_string(rows.size()) +
                                        " rows and was asked for at most " + std::to_string(page.limit));
                return rows;
            } catch (const page_overflow&) {
                throw;  // it would do so again
            } catch (...) {
                if (again == 0) throw;
            }
        }
    }
};

/// The same for workers of this address space, which share one source.
template <class Source>
struct shared_page_call {
    std::shared_ptr<const page_call<Source>> call;
    page_rows<Source> operator()(page_request page) const { return (*call)(page); }
};

}  // namespace yoke::detail
