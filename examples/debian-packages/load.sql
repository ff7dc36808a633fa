-- Run by psql in a folder that holds the three files, unpacked.
\copy maintainers from 'maintainers.tsv'
\copy packages from 'packages.tsv'
\copy depends from 'depends.tsv'
ANALYZE;
