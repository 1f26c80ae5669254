import type { ErrorCategory } from '@contract/records.ts';
import { t } from '@grafana/i18n';

/** What the closed lists of the model are called on pages. */
export function categoryLabel(category: ErrorCategory): string {
  switch (category) {
    case 'api_key':
      return t('run.category.api-key', 'API key');
    case 'template_not_found':
      return t('run.category.template', 'Template not found');
    case 'timeout':
      return t('run.category.timeout', 'Timeout');
    case 'rate_limit':
      return t('run.category.rate-limit', 'Rate limit');
    case 'git_push':
      return t('run.category.git-push', 'Git push');
    case 'network':
      return t('run.category.network', 'Network');
    case 'validation':
      return t('run.category.validation', 'Validation');
    case 'out_of_memory':
      return t('run.category.memory', 'Out of memory');
    case 'other':
      return t('run.category.other', 'No common pattern');
  }
}

export function surfaceLabel(surface: string): string {
  switch (surface) {
    case 'sandbox':
      return t('run.surface.sandbox', 'error of the sandbox');
    case 'run':
      return t('run.surface.run', 'error of the run');
    case 'step':
      return t('run.surface.step', 'error of the step');
    case 'pr':
      return t('run.surface.pr', 'error of the pull request');
    case 'learning_extraction':
      return t('run.surface.learning', 'error of the learning extraction');
    default:
      return surface;
  }
}
