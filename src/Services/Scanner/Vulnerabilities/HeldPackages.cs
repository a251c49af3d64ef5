namespace EnvPlatform.Scanner.Vulnerabilities;

/// <summary>
/// SQL for the packages of a set. What was found is joined to them by <c>found_id</c>: it is shared by many, and looked at package by
/// package only where an organization has judged it.
/// </summary>
internal static class HeldPackages
{
    /// <summary>The conda packages of the set <c>@Set</c> that provide libraries, for <see cref="Curations.CurationInForce.Of"/>.</summary>
    public const string Libraries = "(select libraries from set_counts where set_id = @Set)";

    /// <summary>For <c>with</c>: <c>held</c>, the packages of the set <c>@Set</c>, or those with the name <c>@Package</c>.</summary>
    public const string OfSet =
        """
        held as materialized (
            select p.* from package_sets s cross join unnest(s.package_ids) as held(package_id)
            join packages p on p.package_id = held.package_id
            where s.id = @Set and (@Package::text is null or p.name = @Package))
        """;
}
