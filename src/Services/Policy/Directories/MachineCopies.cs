using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

namespace EnvPlatform.Policy.Directories;

/// <summary>A machine, as Identity knows it.</summary>
/// <param name="RegisteredAt">When it was registered, or said something new: what is older is dropped.</param>
internal sealed record MachineCopy(OrganizationId OrganizationId, MachineId MachineId, string Hostname, DateTimeOffset RegisteredAt);

/// <summary>Stores the names of machines, which policies can name.</summary>
internal static class MachineCopies
{
    /// <returns>The machines that have another name than before, or one for the first time.</returns>
    public static async Task<IReadOnlyList<MachineId>> StoreAsync(Tx tx, IReadOnlyCollection<MachineCopy> machines)
    {
        var newest = machines.NewestBy(
            machine => (machine.OrganizationId.Value, machine.MachineId.Value), machine => machine.RegisteredAt);
        var parameters = new
        {
            Orgs = newest.Select(machine => machine.OrganizationId.Value).ToArray(),
            Ids = newest.Select(machine => machine.MachineId.Value).ToArray(),
            Names = newest.Select(machine => machine.Hostname).ToArray(),
            Times = newest.Select(machine => machine.RegisteredAt.ToUniversalTime()).ToArray(),
        };
        var same = await tx.QueryAsync<MachineId>(
            """
            select m.machine_id from machines m
            join unnest(@Orgs::uuid[], @Ids::uuid[], @Names::text[]) as told (org_id, machine_id, hostname)
                on told.org_id = m.org_id and told.machine_id = m.machine_id and told.hostname = m.hostname
            """, parameters);
        var stored = await tx.QueryAsync<MachineId>(
            """
            insert into machines as m (org_id, machine_id, hostname, registered_at)
            select * from unnest(@Orgs::uuid[], @Ids::uuid[], @Names::text[], @Times::timestamptz[])
            on conflict (org_id, machine_id) do update set hostname = excluded.hostname, registered_at = excluded.registered_at
            where m.registered_at < excluded.registered_at
            returning machine_id
            """, parameters);
        return [.. stored.Except(same)];
    }

    /// <summary>The environments of these machines are to be decided anew.</summary>
    public static async Task MarkAsync(Tx tx, OrganizationId organization, IReadOnlyCollection<MachineId> machines)
    {
        var environments = machines.Count == 0
            ? []
            : await tx.QueryAsync<EnvironmentId>(
                """
                select environment_id from environment_status
                where org_id = @organization and machine_id = any(@Machines) and not removed
                """, new { organization, Machines = machines.Select(machine => machine.Value).ToArray() });
        await StaleDecisions.MarkEnvironmentsAsync(tx, [.. environments.Select(environment => (organization, environment))]);
    }
}
