import { Navigate, useSearchParams } from 'react-router-dom';
import { withDataSource } from '../../components/PageLink';

/** Opens a page of the app in place of this one: who goes back does not come here again. */
export function GoTo({ to }: { to: string }) {
  const [parameters] = useSearchParams();
  return <Navigate to={withDataSource(to, parameters.get('ds'))} replace />;
}
