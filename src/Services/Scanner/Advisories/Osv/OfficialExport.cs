namespace EnvPlatform.Scanner.Advisories.Osv;

/// <summary>
/// What the official export of an ecosystem is known to hold, by which an archive is recognised as one: ids of several years, and so many
/// records at least. A database keeps the records that it has withdrawn, so an export only grows.
/// </summary>
/// <param name="Least">Records that name the ecosystem.</param>
internal sealed record OfficialExport(string Ecosystem, int Least, string[] Ids)
{
    // The Python Packaging Advisory Database in October 2024, and the R Consortium's in March 2026.
    public static readonly OfficialExport[] All =
    [
        new(Matching.Ecosystems.PyPI, 2_600,
        [
            "PYSEC-2008-3", "PYSEC-2009-2", "PYSEC-2010-19", "PYSEC-2011-17", "PYSEC-2012-16",
            "PYSEC-2013-2", "PYSEC-2014-4", "PYSEC-2015-2", "PYSEC-2016-20", "PYSEC-2017-31",
            "PYSEC-2018-26", "PYSEC-2019-153", "PYSEC-2020-216", "PYSEC-2021-366", "PYSEC-2021-628",
            "PYSEC-2022-218", "PYSEC-2022-42991", "PYSEC-2023-179", "PYSEC-2023-257", "PYSEC-2024-37",
        ]),
        new(Matching.Ecosystems.Cran, 14,
        [
            "RSEC-2023-1", "RSEC-2023-2", "RSEC-2023-3", "RSEC-2023-4", "RSEC-2023-5", "RSEC-2023-6", "RSEC-2023-7", "RSEC-2023-8",
            "RSEC-2025-0", "RSEC-2026-0",
        ]),
    ];

    /// <param name="records">By id.</param>
    /// <param name="count">How many of them name the ecosystem.</param>
    public bool Matches(IReadOnlySet<string> records, int count) => count >= Least && Array.TrueForAll(Ids, records.Contains);
}
