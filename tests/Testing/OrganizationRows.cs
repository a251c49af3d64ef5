using Dapper;

using EnvPlatform.Contracts.Ids;

using Npgsql;

namespace EnvPlatform.Testing;

/// <summary>What a database holds of an organization, in whatever table.</summary>
public static class OrganizationRows
{
    /// <summary>
    /// The rows by table, of every table with a column <c>org_id</c>; refusals that wait to become audit events are the log's. Tables
    /// without rows are left out.
    /// </summary>
    public static async Task<Dictionary<string, long>> RowsOfAsync(this NpgsqlDataSource db, OrganizationId organization)
    {
        ArgumentNullException.ThrowIfNull(db);
        await using var connection = await db.OpenConnectionAsync();
        var rows = await connection.QueryAsync<(string Table, long Rows)>(
            """
            select c.table_name, (xpath('/row/n/text()', query_to_xml(
                format('select count(*) as n from %I where org_id = %L', c.table_name, @Organization), false, true, '')))[1]::text::bigint
            from information_schema.columns c
            join pg_class on pg_class.oid = to_regclass(quote_ident(c.table_name)) and not relispartition and relkind in ('r', 'p')
            where c.table_schema = 'public' and c.column_name = 'org_id' and c.table_name <> 'refusals'
            """, new { Organization = organization.Value });
        return rows.Where(row => row.Rows > 0).ToDictionary(row => row.Table, row => row.Rows, StringComparer.Ordinal);
    }
}
