import time, pytest
from django.db import connection, transaction
from apps.customer_accounting.subscriptions import record_fare
from apps.customer_loyalty.subscriptions import award_points
from apps.customer_notification.subscriptions import notify_customer
from apps.datalake_ingestion.subscriptions import collect_events
from apps.datalake_ingestion import parquet
from apps.extraordinary_rides.subscriptions import record_extraordinary_ride

@pytest.mark.django_db(transaction=True)
def test_time(ride_completed):
    def one(h, n, N=20):
        ts=[]
        for _ in range(N):
            b=[ride_completed(customer=f"c{i%100}") for i in range(n)]
            t=time.perf_counter()
            with transaction.atomic(): h(b)
            ts.append(time.perf_counter()-t)
        return sorted(ts)[len(ts)//2]*1000
    for h in (record_fare, award_points, notify_customer, collect_events, record_extraordinary_ride):
        print(h.__name__, "1:%.1f ms"%one(h,1), "500: %.1f ms"%one(h,500))
    b=[ride_completed().to_cloudevent() for i in range(500)]
    t=time.perf_counter(); c=parquet.encode(b); print("parquet",len(c),(time.perf_counter()-t)*1000)
