import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { onSignedOut } from './api/client';
import { leave } from './kit/layout/leave';
import { type Beginning, bootstrapQuery } from './kit/session';
import { Toasts } from './kit/toast/toasts';
import { makeRouter } from './routes';
import './styles.css';
import { ApiError } from './api/errors';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // The live stream says what is old; everything else is fresh for as long as somebody looks at it.
      staleTime: 30_000,
      // What was refused is refused again; a server that cannot be reached may come back.
      retry: (failures, error) =>
        failures < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 500),
      refetchOnWindowFocus: false,
    },
  },
});
const router = makeRouter(queries);

onSignedOut(() => {
  if (queries.getQueryData<Beginning>(bootstrapQuery.queryKey)?.session) leave(router.state.location.href);
});

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no #root.');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Suspense fallback={null}>
        <RouterProvider router={router} />
      </Suspense>
      <Toasts />
    </QueryClientProvider>
  </StrictMode>,
);
