using System.Text.Json;

using EnvPlatform.Contracts.Sboms;
using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests.Facts;

public sealed class DeclaredLicenseTests
{
    [TestCase("BSD 3-Clause", "BSD-3-Clause")]
    [TestCase("new BSD License (http://opensource.org/licenses/bsd-license.php)", "BSD-3-Clause")]
    [TestCase("Apache 2.0", "Apache-2.0")]
    [TestCase("Apache License, Version 2.0", "Apache-2.0")]
    [TestCase("lgpl-2.1-or-later", "LGPL-2.1-or-later")]
    [TestCase("GPL2", "GPL-2.0-only")]
    [TestCase("GPL-2.0", "GPL-2.0-only")]
    [TestCase("GPL-2.0+", "GPL-2.0-or-later")]
    [TestCase("GPL (>= 2)", "GPL-2.0-or-later")]
    [TestCase("GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later")]
    [TestCase("GPL-2 | GPL-3", "GPL-2.0-only OR GPL-3.0-only")]
    [TestCase("GPL-3 | file LICENSE", "GPL-3.0-only OR LicenseRef-file-LICENSE")]
    [TestCase("MIT + file LICENSE", "MIT")]
    [TestCase("GPL", "GPL-1.0-or-later")]
    [TestCase("GNU Lesser General Public License (LGPL)", "LGPL-2.0-or-later")]
    [TestCase("PSF", "PSF-2.0")]
    [TestCase("MIT AND (BSD-2-Clause or ISC)", "MIT AND (BSD-2-Clause OR ISC)")]
    [TestCase("MIT license or GPL v3 and zlib", "MIT OR GPL-3.0-only AND Zlib")]
    [TestCase("LicenseRef-Proprietary", "LicenseRef-Proprietary")]
    [TestCase("Proprietary", "LicenseRef-Proprietary")]
    [TestCase("GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0")]
    public void A_spelling_is_read_as_what_SPDX_calls_it(string declared, string expected) =>
        Assert.That(DeclaredLicense.Read(declared), Is.EqualTo(expected));

    [TestCase("BSD", TestName = "BSD without the number of clauses")]
    [TestCase("Apache Software License", TestName = "Apache without a version")]
    [TestCase("GPL, BSD", TestName = "Names with a comma between them")]
    [TestCase("MIT (GPL parts)", TestName = "A remark that changes it")]
    [TestCase("MIT or something else", TestName = "An alternative that is not known")]
    [TestCase("LGPL-1.0", TestName = "A version that there is not")]
    [TestCase("GPL-7", TestName = "A version that there is not yet")]
    [TestCase("file LICENSE", TestName = "A file that nobody has read")]
    [TestCase("", TestName = "Nothing")]
    public void What_leaves_the_licence_open_is_not_known(string declared) => Assert.That(DeclaredLicense.Read(declared), Is.Null);

    /// <summary>
    /// What 2,800 recipes declare, and how many of them: of conda-recipes at 46ebddd4, ContinuumIO/anaconda-recipes at 74fb2280 and
    /// emscripten-forge/recipes at 595eec8f.
    /// </summary>
    [Test]
    public void Every_spelling_in_recipes_is_read_as_it_was_reviewed()
    {
        var spellings = Spellings();
        var known = spellings.Where(one => one.Expected is not null).ToArray();
        TestContext.Out.WriteLine(
            $"{known.Length} of {spellings.Length} spellings are recognised, in {known.Sum(one => one.Count)} of "
            + $"{spellings.Sum(one => one.Count)} recipes.");
        Assert.Multiple(() =>
        {
            foreach (var (_, declared, expected) in spellings)
            {
                var read = DeclaredLicense.Read(declared);
                Assert.That(read, Is.EqualTo(expected), declared);
                Assert.That(read is null ? null : SpdxExpression.Read(read), Is.EqualTo(read), declared);
            }
        });
    }

    [Test]
    public void Every_spelling_in_the_records_of_real_environments_is_recognised()
    {
        var declared = Directory.GetFiles(TestData.File("environments", "conda-meta-samples"), "*.json")
            .Select(file => JsonDocument.Parse(File.ReadAllText(file)).RootElement)
            .Where(record => record.TryGetProperty("license", out _)).Select(record => record.GetProperty("license").GetString()).ToArray();
        TestContext.Out.WriteLine($"{declared.Count(one => DeclaredLicense.Read(one) is not null)} of {declared.Length} are recognised.");
        Assert.That(declared, Is.Not.Empty);
        Assert.That(declared.Where(one => DeclaredLicense.Read(one) is null), Is.Empty);
    }

    [Test]
    public void Long_and_strange_texts_end_soon()
    {
        foreach (var text in new[] { new string('(', 2_000), string.Concat(Enumerable.Repeat("MIT or ", 140)), new string('v', 999) + "2" })
        {
            Assert.That(DeclaredLicense.Read(text), Is.Null);
        }
    }

    private static (int Count, string Declared, string? Expected)[] Spellings()
    {
        using var stream = typeof(DeclaredLicenseTests).Assembly.GetManifestResourceStream("license-spellings.tsv")!;
        using var reader = new StreamReader(stream);
        return
        [
            .. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))
                .Select(fields => (int.Parse(fields[0], null), fields[1], fields[2].Length == 0 ? null : fields[2])),
        ];
    }
}
