using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using MassTransit;

using Npgsql;

namespace EnvPlatform.Ingest.Machines;

/// <summary>
/// The environments of a machine that was given to another owner are that owner's: it sees them, and policies and statuses hold for it.
/// Other services hear of each as of a log, with its next version.
/// </summary>
internal sealed class TransferEnvironments(NpgsqlDataSource db) : IConsumer<MachineTransferred>
{
    public Task Consume(ConsumeContext<MachineTransferred> context) => db.HandleOnceAsync(this, context, async (tx, transferred) =>
    {
        // In case this comes before the registration: from now on the new owner alone logs from the machine.
        await StoreMachine.StoreAsync(
            tx, transferred.OrganizationId, transferred.MachineId, transferred.Owner, transferred.Hostname, transferred.Platform,
            transferred.TransferredAt);
        var isNewest = await tx.ExecuteAsync(
            """
            update machines set transferred_at = @TransferredAt
            where org_id = @OrganizationId and machine_id = @MachineId and coalesce(transferred_at, '-infinity') < @TransferredAt
            """, transferred) == 1;
        if (!isNewest)
        {
            return;
        }

        await tx.ExecuteAsync(
            """
            insert into owners (org_id, subject_id, email, display_name) values (@OrganizationId, @Owner, @OwnerEmail, @OwnerName)
            on conflict do nothing
            """, transferred);
        var moved = await tx.QueryAsync<Row>(
            """
            update environments e set owner_id = @Owner, version = e.version + 1
            from (
                select environment_id, s.digest from environments l join package_sets s using (package_set_id)
                where org_id = @OrganizationId and machine_id = @MachineId and removed_at is null and owner_id <> @Owner
                order by environment_id for update of l) locked
            where e.org_id = @OrganizationId and e.environment_id = locked.environment_id
            returning e.environment_id, e.prefix, e.name, e.platform, e.package_set_id, locked.digest, e.package_count, e.version,
                e.updated_at
            """, transferred);
        foreach (var row in moved)
        {
            tx.Publish(new EnvironmentLogged(
                transferred.OrganizationId, row.EnvironmentId, transferred.MachineId, transferred.Owner, row.Prefix, row.Name, row.Platform,
                row.PackageSetId, row.Digest, row.PackageCount, false, row.Version, row.UpdatedAt));
        }
    });

    private sealed record Row(
        EnvironmentId EnvironmentId, string Prefix, string Name, string Platform, long PackageSetId, string Digest, int PackageCount,
        long Version, DateTimeOffset UpdatedAt);
}
