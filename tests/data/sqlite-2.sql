BEGIN TRANSACTION;
CREATE TABLE insight_days (
            test BIGINT NOT NULL,
            outcome INTEGER NOT NULL,
            day INTEGER NOT NULL,
            results INTEGER NOT NULL,
            total BIGINT NOT NULL,
            longest REAL NOT NULL,
            first BIGINT NOT NULL,
            last BIGINT NOT NULL,
            PRIMARY KEY (test, outcome, day)
        ) WITHOUT ROWID
        ;
INSERT INTO "insight_days" VALUES(-8106180123290403573,0,20758,3,750000,0.25,1793534400000000,1793541600000000);
INSERT INTO "insight_days" VALUES(-8106180123290403573,1,20758,2,500000,0.25,1793545200000000,1793548800000000);
INSERT INTO "insight_days" VALUES(-6282679183787647933,0,20758,5,1250000,0.25,1793534400000000,1793548800000000);
INSERT INTO "insight_days" VALUES(-6282679183787647933,6,20758,1,250000,0.25,1793545200000000,1793545200000000);
INSERT INTO "insight_days" VALUES(-3081364951150629689,0,20758,5,1250000,0.25,1793534400000000,1793548800000000);
INSERT INTO "insight_days" VALUES(-3081364951150629689,5,20758,2,500000,0.25,1793534400000000,1793545200000000);
INSERT INTO "insight_days" VALUES(-1117723931427683092,3,20758,2,500000,0.25,1793538000000000,1793545200000000);
INSERT INTO "insight_days" VALUES(-1117723931427683092,45436663,20758,3,750000,0.25,1793534400000000,1793548800000000);
INSERT INTO "insight_days" VALUES(-855635948757991912,2,20758,5,1250000,0.25,1793534400000000,1793548800000000);
INSERT INTO "insight_days" VALUES(825587785140627111,0,20758,5,1250000,0.25,1793534400000000,1793548800000000);
CREATE TABLE insight_details (
            session BIGINT NOT NULL,
            outcome INTEGER NOT NULL,
            position INTEGER NOT NULL,
            test BIGINT NOT NULL,
            began BIGINT NOT NULL,
            duration REAL NOT NULL,
            flags SMALLINT NOT NULL,
            worker TEXT,
            result TEXT NOT NULL,
            PRIMARY KEY (session, outcome, position)
        );
INSERT INTO "insight_details" VALUES(7761223713773654128,0,0,-8106180123290403573,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_0","outcome":"passed","start_time":"2026-11-01T12:00:00Z","duration":0.25,"message":"KeyError: ''a''","crash":"tests/test_a.py:3"}');
INSERT INTO "insight_details" VALUES(7761223713773654128,2,3,-855635948757991912,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_2","outcome":"skipped","start_time":"2026-11-01T12:00:00Z","duration":0.25,"message":"no database","longreprtext":"Skipped: no database"}');
INSERT INTO "insight_details" VALUES(7761223713773654128,5,1,-3081364951150629689,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_1","outcome":"rerun","start_time":"2026-11-01T12:00:00Z","duration":0.25,"message":"TimeoutError: 0.5s","longreprtext":"E   TimeoutError: 0.5s"}');
INSERT INTO "insight_details" VALUES(7761223713773654128,45436663,5,-1117723931427683092,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_4","outcome":"subtests passed","start_time":"2026-11-01T12:00:00Z","duration":0.25}');
INSERT INTO "insight_details" VALUES(3960611397993785841,0,0,-8106180123290403573,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_0","outcome":"passed","start_time":"2026-11-01T13:00:00Z","duration":0.25,"message":"KeyError: ''a''","crash":"tests/test_a.py:3"}');
INSERT INTO "insight_details" VALUES(3960611397993785841,2,2,-855635948757991912,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_2","outcome":"skipped","start_time":"2026-11-01T13:00:00Z","duration":0.25,"message":"no database","longreprtext":"Skipped: no database"}');
INSERT INTO "insight_details" VALUES(3960611397993785841,3,4,-1117723931427683092,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_4","outcome":"xfailed","start_time":"2026-11-01T13:00:00Z","duration":0.25}');
INSERT INTO "insight_details" VALUES(5845315055682364777,0,0,-8106180123290403573,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_0","outcome":"passed","start_time":"2026-11-01T14:00:00Z","duration":0.25,"message":"KeyError: ''a''","crash":"tests/test_a.py:3"}');
INSERT INTO "insight_details" VALUES(5845315055682364777,2,2,-855635948757991912,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_2","outcome":"skipped","start_time":"2026-11-01T14:00:00Z","duration":0.25,"message":"no database","longreprtext":"Skipped: no database"}');
INSERT INTO "insight_details" VALUES(5845315055682364777,45436663,4,-1117723931427683092,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_4","outcome":"subtests passed","start_time":"2026-11-01T14:00:00Z","duration":0.25}');
INSERT INTO "insight_details" VALUES(8832382948336806349,1,0,-8106180123290403573,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_0","outcome":"failed","start_time":"2026-11-01T15:00:00Z","duration":0.25,"message":"KeyError: ''a''","crash":"tests/test_a.py:3","longreprtext":"E   KeyError: ''a''\n\ntests/test_a.py:3: KeyError"}');
INSERT INTO "insight_details" VALUES(8832382948336806349,2,3,-855635948757991912,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_2","outcome":"skipped","start_time":"2026-11-01T15:00:00Z","duration":0.25,"message":"no database","longreprtext":"Skipped: no database"}');
INSERT INTO "insight_details" VALUES(8832382948336806349,3,6,-1117723931427683092,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_4","outcome":"xfailed","start_time":"2026-11-01T15:00:00Z","duration":0.25}');
INSERT INTO "insight_details" VALUES(8832382948336806349,5,1,-3081364951150629689,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_1","outcome":"rerun","start_time":"2026-11-01T15:00:00Z","duration":0.25,"message":"TimeoutError: 0.5s","longreprtext":"E   TimeoutError: 0.5s"}');
INSERT INTO "insight_details" VALUES(8832382948336806349,6,5,-6282679183787647933,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_3","outcome":"error","start_time":"2026-11-01T15:00:00Z","duration":0.25,"phase":"teardown","message":"OSError: disk","longreprtext":"E   OSError: disk"}');
INSERT INTO "insight_details" VALUES(-3925344127634558966,1,0,-8106180123290403573,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_0","outcome":"failed","start_time":"2026-11-01T16:00:00Z","duration":0.25,"message":"KeyError: ''a''","crash":"tests/test_a.py:3","longreprtext":"E   KeyError: ''a''\n\ntests/test_a.py:3: KeyError"}');
INSERT INTO "insight_details" VALUES(-3925344127634558966,2,2,-855635948757991912,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_2","outcome":"skipped","start_time":"2026-11-01T16:00:00Z","duration":0.25,"message":"no database","longreprtext":"Skipped: no database"}');
INSERT INTO "insight_details" VALUES(-3925344127634558966,45436663,4,-1117723931427683092,0,0.25,2,NULL,'{"nodeid":"tests/test_a.py::test_4","outcome":"subtests passed","start_time":"2026-11-01T16:00:00Z","duration":0.25}');
CREATE TABLE insight_outcomes (
            id INTEGER NOT NULL PRIMARY KEY,
            name TEXT NOT NULL
        );
INSERT INTO "insight_outcomes" VALUES(45436663,'subtests passed');
CREATE TABLE insight_results (
            session BIGINT NOT NULL,
            test BIGINT NOT NULL,
            position INTEGER NOT NULL,
            outcome INTEGER NOT NULL,
            began BIGINT NOT NULL,
            duration REAL NOT NULL,
            flags SMALLINT NOT NULL,
            worker TEXT,
            PRIMARY KEY (session, test, position)
        ) WITHOUT ROWID
        ;
INSERT INTO "insight_results" VALUES(-3925344127634558966,-8106180123290403573,0,1,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(-3925344127634558966,-6282679183787647933,3,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(-3925344127634558966,-3081364951150629689,1,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(-3925344127634558966,-1117723931427683092,4,45436663,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(-3925344127634558966,-855635948757991912,2,2,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(-3925344127634558966,825587785140627111,5,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(3960611397993785841,-8106180123290403573,0,0,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(3960611397993785841,-6282679183787647933,3,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(3960611397993785841,-3081364951150629689,1,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(3960611397993785841,-1117723931427683092,4,3,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(3960611397993785841,-855635948757991912,2,2,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(3960611397993785841,825587785140627111,5,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(5845315055682364777,-8106180123290403573,0,0,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(5845315055682364777,-6282679183787647933,3,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(5845315055682364777,-3081364951150629689,1,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(5845315055682364777,-1117723931427683092,4,45436663,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(5845315055682364777,-855635948757991912,2,2,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(5845315055682364777,825587785140627111,5,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(7761223713773654128,-8106180123290403573,0,0,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(7761223713773654128,-6282679183787647933,4,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(7761223713773654128,-3081364951150629689,1,5,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(7761223713773654128,-3081364951150629689,2,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(7761223713773654128,-1117723931427683092,5,45436663,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(7761223713773654128,-855635948757991912,3,2,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(7761223713773654128,825587785140627111,6,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(8832382948336806349,-8106180123290403573,0,1,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(8832382948336806349,-6282679183787647933,4,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(8832382948336806349,-6282679183787647933,5,6,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(8832382948336806349,-3081364951150629689,1,5,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(8832382948336806349,-3081364951150629689,2,0,0,0.25,0,NULL);
INSERT INTO "insight_results" VALUES(8832382948336806349,-1117723931427683092,6,3,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(8832382948336806349,-855635948757991912,3,2,0,0.25,2,NULL);
INSERT INTO "insight_results" VALUES(8832382948336806349,825587785140627111,7,0,0,0.25,0,NULL);
CREATE TABLE insight_sessions (
            id INTEGER NOT NULL PRIMARY KEY,
            session_id TEXT NOT NULL,
            sut TEXT NOT NULL,
            started BIGINT NOT NULL,
            pinned SMALLINT NOT NULL,
            branch TEXT,
            commit_id TEXT,
            results INTEGER NOT NULL,
            details INTEGER NOT NULL,
            warnings INTEGER NOT NULL,
            outcomes TEXT NOT NULL,
            header TEXT NOT NULL
        );
INSERT INTO "insight_sessions" VALUES(-3925344127634558966,'api-4','api',1793548800000000,0,'main','0000000000000000000000000000000000000002',6,3,0,'{"failed":1,"passed":3,"skipped":1,"subtests passed":1}','{"session_id":"api-4","sut_name":"api","session_start_time":"2026-11-01T16:00:00Z","session_stop_time":"2026-11-01T16:00:09Z","session_duration":9.0,"testing_system":{"python":"3.12.7","platform":"Linux-6"},"code_state":{"commit":"0000000000000000000000000000000000000002","branch":"main"}}');
INSERT INTO "insight_sessions" VALUES(3960611397993785841,'api-1','api',1793538000000000,0,'main','0000000000000000000000000000000000000000',6,3,0,'{"passed":4,"skipped":1,"xfailed":1}','{"session_id":"api-1","sut_name":"api","session_start_time":"2026-11-01T13:00:00Z","session_stop_time":"2026-11-01T13:00:09Z","session_duration":9.0,"testing_system":{"python":"3.12.7","platform":"Linux-6"},"code_state":{"commit":"0000000000000000000000000000000000000000","branch":"main"}}');
INSERT INTO "insight_sessions" VALUES(5845315055682364777,'api-2','api',1793541600000000,0,'main','0000000000000000000000000000000000000001',6,3,0,'{"passed":4,"skipped":1,"subtests passed":1}','{"session_id":"api-2","sut_name":"api","session_start_time":"2026-11-01T14:00:00Z","session_stop_time":"2026-11-01T14:00:09Z","session_duration":9.0,"testing_system":{"python":"3.12.7","platform":"Linux-6"},"code_state":{"commit":"0000000000000000000000000000000000000001","branch":"main"}}');
INSERT INTO "insight_sessions" VALUES(7761223713773654128,'api-0','api',1793534400000000,0,'main','0000000000000000000000000000000000000000',7,4,0,'{"passed":4,"rerun":1,"skipped":1,"subtests passed":1}','{"session_id":"api-0","sut_name":"api","session_start_time":"2026-11-01T12:00:00Z","session_stop_time":"2026-11-01T12:00:09Z","session_duration":9.0,"testing_system":{"python":"3.12.7","platform":"Linux-6"},"code_state":{"commit":"0000000000000000000000000000000000000000","branch":"main"}}');
INSERT INTO "insight_sessions" VALUES(8832382948336806349,'api-3','api',1793545200000000,0,'main','0000000000000000000000000000000000000001',8,5,0,'{"failed":1,"rerun":1,"passed":3,"skipped":1,"error":1,"xfailed":1}','{"session_id":"api-3","sut_name":"api","session_start_time":"2026-11-01T15:00:00Z","session_stop_time":"2026-11-01T15:00:09Z","session_duration":9.0,"testing_system":{"python":"3.12.7","platform":"Linux-6"},"code_state":{"commit":"0000000000000000000000000000000000000001","branch":"main"}}');
CREATE TABLE insight_tests (
            id INTEGER NOT NULL PRIMARY KEY,
            nodeid TEXT NOT NULL
        );
INSERT INTO "insight_tests" VALUES(-8106180123290403573,'tests/test_a.py::test_0');
INSERT INTO "insight_tests" VALUES(-6282679183787647933,'tests/test_a.py::test_3');
INSERT INTO "insight_tests" VALUES(-3081364951150629689,'tests/test_a.py::test_1');
INSERT INTO "insight_tests" VALUES(-1117723931427683092,'tests/test_a.py::test_4');
INSERT INTO "insight_tests" VALUES(-855635948757991912,'tests/test_a.py::test_2');
INSERT INTO "insight_tests" VALUES(825587785140627111,'tests/test_a.py::test_5');
CREATE TABLE insight_totals (
            test BIGINT NOT NULL,
            outcome INTEGER NOT NULL,
            results BIGINT NOT NULL,
            total BIGINT NOT NULL,
            longest REAL NOT NULL,
            first BIGINT NOT NULL,
            last BIGINT NOT NULL,
            PRIMARY KEY (test, outcome)
        ) WITHOUT ROWID
        ;
INSERT INTO "insight_totals" VALUES(-8106180123290403573,0,3,750000,0.25,1793534400000000,1793541600000000);
INSERT INTO "insight_totals" VALUES(-8106180123290403573,1,2,500000,0.25,1793545200000000,1793548800000000);
INSERT INTO "insight_totals" VALUES(-6282679183787647933,0,5,1250000,0.25,1793534400000000,1793548800000000);
INSERT INTO "insight_totals" VALUES(-6282679183787647933,6,1,250000,0.25,1793545200000000,1793545200000000);
INSERT INTO "insight_totals" VALUES(-3081364951150629689,0,5,1250000,0.25,1793534400000000,1793548800000000);
INSERT INTO "insight_totals" VALUES(-3081364951150629689,5,2,500000,0.25,1793534400000000,1793545200000000);
INSERT INTO "insight_totals" VALUES(-1117723931427683092,3,2,500000,0.25,1793538000000000,1793545200000000);
INSERT INTO "insight_totals" VALUES(-1117723931427683092,45436663,3,750000,0.25,1793534400000000,1793548800000000);
INSERT INTO "insight_totals" VALUES(-855635948757991912,2,5,1250000,0.25,1793534400000000,1793548800000000);
INSERT INTO "insight_totals" VALUES(825587785140627111,0,5,1250000,0.25,1793534400000000,1793548800000000);
CREATE INDEX insight_sessions_by_start ON insight_sessions (started);
COMMIT;
PRAGMA application_id = 1883860595;
PRAGMA user_version = 2;
